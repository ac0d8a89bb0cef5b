//! The training that README begins with: what it draws is read from the pixels.

use image::RgbImage;
use mirrorgan::data::tiny::{TinySample, samples};
use mirrorgan::train::{gan, stem, stream};
use mirrorgan::{Device, Engine, GenerateOptions};

use crate::gan::write_model;
use crate::tiny::context;

const COLOURS: [(&str, [i32; 3]); 4] =
    [("red", [220, 30, 30]), ("yellow", [240, 210, 20]), ("green", [30, 160, 50]), ("blue", [30, 60, 210])];
const GROUNDS: [(&str, [i32; 3]); 2] = [("white", [245; 3]), ("black", [15; 3])];
/// How much of the square around it each fills.
const FILLS: [(&str, f32); 3] = [("square", 1.0), ("circle", 0.785), ("triangle", 0.55)];

/// "red circle on a white ground": what a picture shows, by its pixels alone.
fn seen(picture: &RgbImage) -> String {
    let pixel = |x: u32, y: u32| picture.get_pixel(x, y).0.map(i32::from);
    let far = |a: [i32; 3], b: [i32; 3]| a.iter().zip(b).map(|(a, b)| (a - b).pow(2)).sum::<i32>();
    let mean = |pixels: &[[i32; 3]]| [0, 1, 2].map(|part| pixels.iter().map(|pixel| pixel[part]).sum::<i32>() / pixels.len().max(1) as i32);
    let (width, height) = picture.dimensions();
    let edge: Vec<_> = (2..width - 2).flat_map(|x| [pixel(x, 2), pixel(x, height - 3)]).collect();
    let ground = GROUNDS.into_iter().min_by_key(|(_, ground)| far(mean(&edge), *ground)).unwrap();
    // The shape's pixels are those that are nearer to a colour than to the ground.
    let mut inside = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let nearest = COLOURS.iter().map(|(_, colour)| far(pixel(x, y), *colour)).min().unwrap();
        if nearest < far(pixel(x, y), ground.1) {
            inside.push((x, y));
        }
    }
    let pixels: Vec<_> = inside.iter().map(|(x, y)| pixel(*x, *y)).collect();
    let colour = COLOURS.into_iter().min_by_key(|(_, colour)| far(mean(&pixels), *colour)).unwrap();
    // Rows and columns of some pixels, so that one that strayed makes no larger square.
    let span =
        |of: fn(&(u32, u32)) -> u32| (0..width.max(height)).filter(|at| inside.iter().filter(|place| of(place) == *at).count() > 1).count();
    let fill = inside.len() as f32 / (span(|place| place.0) * span(|place| place.1)).max(1) as f32;
    let shape = FILLS.into_iter().min_by(|(_, a), (_, b)| (a - fill).abs().total_cmp(&(b - fill).abs())).unwrap();
    format!("{} {} on a {} ground", colour.0, shape.0, ground.0)
}

fn asked(sample: &TinySample) -> String {
    sample.caption.splitn(3, ' ').nth(2).unwrap().to_string()
}

#[test]
fn what_a_drawing_shows_is_read_from_its_pixels() {
    for sample in samples() {
        assert_eq!(seen(&sample.picture), asked(&sample));
    }
    let grey = RgbImage::from_pixel(64, 64, image::Rgb([128; 3]));
    assert!(samples().iter().filter(|sample| seen(&grey) == asked(sample)).count() <= 2);
}

#[test]
#[ignore = "trains for minutes"]
fn most_captions_are_drawn_as_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), "run", &[]);
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    gan::run(&context).unwrap();
    let written = folder.path().join("model");
    write_model(&context, &written);
    let engine = Engine::open(&written, &Device::flex()).unwrap();
    let mut right = 0;
    for (seed, sample) in samples().iter().enumerate() {
        let drawn = engine.draw(&sample.caption, &GenerateOptions { seed: seed as u64, ..GenerateOptions::default() }).unwrap();
        let image = &drawn.pictures[0].stages.last().unwrap().image;
        let picture = RgbImage::from_fn(image.width() as u32, image.height() as u32, |x, y| {
            let at = 4 * (y as usize * image.width() + x as usize);
            image::Rgb([0, 1, 2].map(|part| image.rgba()[at + part]))
        });
        let found = seen(&picture);
        if found == asked(sample) {
            right += 1;
        } else {
            println!("{}: {found}", sample.caption);
        }
    }
    println!("{right} of 48");
    // Of chance one of 24. What is wrong by now is mostly circles and squares, which differ in their corners alone.
    assert!(right >= 24, "{right} of 48");
}
