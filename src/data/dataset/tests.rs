use super::*;
use std::fs;

#[test]
fn bad_samples_are_named_counted_and_limited() {
    let folder = tempfile::tempdir().unwrap();
    super::super::tiny::write(folder.path()).unwrap();
    let mut builder = tar::Builder::new(fs::File::create(folder.path().join("tiny-train-001.tar")).unwrap());
    for name in ["broken.png", "broken.json"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, b"oops".as_slice()).unwrap();
    }
    builder.finish().unwrap();
    let paths = [folder.path().to_path_buf()];
    let dataset = Dataset::open(&paths, Split::Train, &DataOptions { size: 64, ..Default::default() }).unwrap();
    assert_eq!(dataset.skipped.len(), 1);
    assert!(dataset.skipped[0].starts_with("tiny-train-001.tar: broken: "), "{}", dataset.skipped[0]);
    let strict = DataOptions { size: 64, max_skipped: 0, ..Default::default() };
    let error = Dataset::open(&paths, Split::Train, &strict).unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
}

/// Hears what is told.
#[derive(Debug, Default)]
struct Heard(std::sync::Mutex<Vec<String>>);

impl crate::watch::Watcher for Heard {
    fn tell(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

#[test]
fn reading_is_told_picture_by_picture_and_ends_with_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    super::super::tiny::write(folder.path()).unwrap();
    let heard = Arc::new(Heard::default());
    let options = DataOptions { size: 64, limit: Some(5), watcher: heard.clone(), ..Default::default() };
    Dataset::open(&[folder.path().to_path_buf()], Split::Train, &options).unwrap();
    let events = heard.0.lock().unwrap().clone();
    assert_eq!(events.len(), 8, "{events:?}");
    assert!(events[0].contains("reading train data") && events[0].contains("total: 5"), "{events:?}");
    assert!(events[1..6].iter().all(|event| event.starts_with("Advanced { by: 1")), "{events:?}");
    assert!(events[6] == "Ended" && events[7].starts_with("Result") && events[7].contains("5 pictures"), "{events:?}");
}

#[test]
fn samples_without_known_words_are_skipped_and_limited() {
    let captions = ["a red wall", "un mur rouge", "a wall"];
    let samples = captions.iter().enumerate().map(|(i, text)| Sample::new(format!("k{i}"), vec![0; 3], vec![(*text).into()], None));
    let dataset = || Dataset::new(samples.clone().collect(), 1);
    let vocabulary = Vocabulary::new(["red", "wall"].map(String::from)).unwrap();
    let mut one = dataset();
    one.retain_known(&vocabulary, 1).unwrap();
    assert_eq!(one.samples.iter().map(|sample| sample.key.as_str()).collect::<Vec<_>>(), ["k0", "k2"]);
    assert!(one.skipped[0].starts_with("k1: none of its captions"), "{}", one.skipped[0]);
    let error = dataset().retain_known(&vocabulary, 0).unwrap_err();
    assert!(error.to_string().contains("more than the 0 allowed"), "{error}");
    let error = dataset().retain_known(&Vocabulary::new(["blau".to_string()]).unwrap(), 16).unwrap_err();
    assert!(error.to_string().contains("no usable sample is left"), "{error}");
}

#[test]
fn a_missing_part_is_none_and_a_broken_one_an_error() {
    let folder = tempfile::tempdir().unwrap();
    super::super::tiny::write(folder.path()).unwrap();
    let paths = [folder.path().to_path_buf()];
    let find = || Dataset::find(&paths, Split::Test, &DataOptions { size: 64, ..Default::default() });
    assert!(find().unwrap().is_some());
    let test = folder.path().join("tiny-test-000.tar");
    fs::write(&test, &fs::read(&test).unwrap()[..1000]).unwrap();
    assert!(find().unwrap_err().to_string().contains("tiny-test-000.tar"));
    fs::remove_file(test).unwrap();
    assert!(find().unwrap().is_none());
    let error = Dataset::open(&paths, Split::Test, &DataOptions::default()).unwrap_err();
    assert!(error.to_string().contains("no test data found; what is there is for training"), "{error}");
    let unnamed = folder.path().join("all.tar");
    fs::rename(folder.path().join("tiny-train-000.tar"), &unnamed).unwrap();
    let error = Dataset::open(&[unnamed], Split::Test, &DataOptions::default()).unwrap_err();
    assert!(error.to_string().contains("no test data found; what is there is for training"), "{error}");
    fs::write(folder.path().join("cut-train-000.tar"), [1; 700]).unwrap();
    let cut = Dataset::open(&[folder.path().join("cut-train-000.tar")], Split::Test, &DataOptions::default()).unwrap_err();
    assert!(cut.to_string().contains("no test data found; expected"), "{cut}");
    let nothing = Dataset::open(&paths[..0], Split::Test, &DataOptions::default()).unwrap_err();
    assert!(nothing.to_string().contains("no test data found; expected"), "{nothing}");
}

#[test]
fn flipped_images_are_mirrored() {
    let image = (0..2 * 2 * 3).map(|v| v * 20).collect();
    let dataset = Dataset::new(vec![Sample::new("", image, vec!["a".into()], None)], 2);
    let device = Device::flex();
    let values: Vec<f32> = dataset.images(&[0, 0], &[false, true], 2, &device).unwrap().into_data().try_to_vec().unwrap();
    let red = |at: usize| values[at];
    assert_eq!((red(0), red(1)), (-1.0, 60.0 / 127.5 - 1.0));
    assert_eq!((red(12), red(13)), (red(1), red(0)));
    let small: Vec<f32> = dataset.images(&[0], &[false], 1, &device).unwrap().into_data().try_to_vec().unwrap();
    assert!((small[0] - (90.0 / 127.5 - 1.0)).abs() < 1e-6);
}

#[test]
fn pictures_past_the_budget_are_read_when_needed_and_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    super::super::tiny::write(folder.path()).unwrap();
    let paths = [folder.path().to_path_buf()];
    let open = |memory| Dataset::open(&paths, Split::Train, &DataOptions { size: 64, memory, ..Default::default() }).unwrap();
    let (whole, part) = (open(u64::MAX), open(10 * 64 * 64 * 3 + 5));
    let kept = |dataset: &Dataset| dataset.samples.iter().filter(|sample| sample.is_kept()).count();
    assert_eq!((kept(&whole), kept(&part)), (48, 10));
    assert!(part.summary(Split::Train).contains("48 pictures, 48 captions, 48 classes; 38 read when needed"));
    for (a, b) in whole.samples.iter().zip(&part.samples) {
        assert_eq!((a.image().unwrap(), &a.digest), (b.image().unwrap(), &b.digest));
    }
    let device = Device::flex();
    let values = |dataset: &Dataset| {
        dataset.prefetch(&[40, 3]);
        let images = dataset.images(&[40, 3, 40], &[true, false, false], 32, &device).unwrap();
        images.into_data().try_to_vec::<f32>().unwrap()
    };
    assert_eq!(values(&whole), values(&part));
    fs::remove_file(folder.path().join("tiny-train-000.tar")).unwrap();
    assert!(matches!(open_again(&part), Err(Error::BadData { file, .. }) if file.contains("tiny_030")));
}

fn open_again(dataset: &Dataset) -> Result<Arc<Vec<u8>>> {
    dataset.samples[30].image()
}

#[test]
fn a_folder_of_pictures_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..10 {
        let path = folder.path().join(format!("p{i}.png"));
        image::RgbImage::from_pixel(8, 8, image::Rgb([i * 20, 0, 0])).save(&path).unwrap();
        fs::write(path.with_extension("txt"), format!("picture {i}\n\nof a wall\n")).unwrap();
    }
    let paths = [folder.path().to_path_buf()];
    let options = DataOptions { size: 8, ..Default::default() };
    let train = Dataset::open(&paths, Split::Train, &options).unwrap();
    let test = Dataset::open(&paths, Split::Test, &options).unwrap();
    assert_eq!((train.len(), test.len()), (9, 1));
    assert_eq!(test.samples[0].captions, ["picture 9", "of a wall"]);
    assert_eq!(test.samples[0].image().unwrap()[0], 180);
}
