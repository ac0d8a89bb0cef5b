//! COCO captions of 2014 or 2017 (Lin et al. 2014; Chen et al. 2015) as its archives unpack; `val2014` or `val2017` is the test split.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Listed, Listing, bad, read_text};
use crate::Result;
use crate::data::blob::Blob;
use crate::data::folder::in_any_case;
use crate::data::split::Split;

/// What of the annotations is read.
#[derive(Deserialize)]
struct Annotations {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    caption: String,
}

/// Same pictures, split in another way.
const YEARS: [&str; 2] = ["2014", "2017"];

fn part(split: Split, year: &str) -> String {
    match split {
        Split::Train | Split::Validation => format!("train{year}"),
        Split::Test => format!("val{year}"),
    }
}

fn annotations(folder: &Path, part: &str) -> PathBuf {
    folder.join(format!("annotations/captions_{part}.json"))
}

/// The years of whose splits, of one or the other, `folder` has the captions.
fn years(folder: &Path) -> Vec<&'static str> {
    let has = |year: &&str| [Split::Train, Split::Test].into_iter().any(|split| annotations(folder, &part(split, year)).is_file());
    YEARS.into_iter().filter(has).collect()
}

/// Whether `folder` has the captions of either split.
pub fn is_root(folder: &Path) -> bool {
    !years(folder).is_empty()
}

/// The samples of a split, in the order of the annotations' pictures; those without a caption are among them. Where both years are there,
/// 2014 is read.
pub fn list(folder: &Path, split: Split) -> Result<Listing> {
    let years = years(folder);
    let year = years.first().copied().unwrap_or(YEARS[0]);
    let part = part(split, year);
    let file = annotations(folder, &part);
    let places = [folder.join(&part), folder.join("images").join(&part)];
    let (true, Some(pictures)) = (file.is_file(), places.iter().find(|place| place.is_dir())) else {
        let missing = if file.is_file() { &places[0] } else { &file };
        return Err(bad(missing, format!("is missing; expected COCO's annotations/captions_{part}.json and {part}/")));
    };
    let pictures_of = parse(&file, &read_text(&file)?)?;
    let samples = pictures_of.into_iter().map(|(file_name, captions)| Listed {
        picture: Some(Blob::file(in_any_case(pictures.join(&file_name)))),
        captions,
        key: file_name,
        ..Listed::default()
    });
    let warnings = if years.len() > 1 { vec![format!("{}: COCO of {year} is read, not of 2017", folder.display())] } else { Vec::new() };
    Ok(Listing { layout: format!("COCO {year}, {part}"), samples: samples.collect(), warnings })
}

/// The file names of the annotations' pictures, each with its captions.
pub(super) fn parse(file: &Path, text: &str) -> Result<Vec<(String, Vec<String>)>> {
    let found: Annotations = serde_json::from_str(text).map_err(|error| bad(file, error.to_string()))?;
    let mut captions: HashMap<u64, Vec<String>> = HashMap::new();
    for annotation in found.annotations {
        captions.entry(annotation.image_id).or_default().push(annotation.caption);
    }
    let mut pictures = Vec::with_capacity(found.images.len());
    for image in found.images {
        // A name with a folder in it could lead anywhere.
        if image.file_name.contains(['/', '\\']) || image.file_name.starts_with("..") {
            return Err(bad(file, format!("names picture {:?}; expected a plain file name", image.file_name)));
        }
        let captions = captions.remove(&image.id).unwrap_or_default();
        pictures.push((image.file_name, captions));
    }
    // Captions of pictures that are not listed would vanish without a word.
    if let Some(id) = captions.keys().min() {
        return Err(bad(file, format!("has captions of picture {id}, which its images do not list")));
    }
    Ok(pictures)
}
