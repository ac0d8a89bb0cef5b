//! COCO 2014 captions (Lin et al. 2014; Chen et al. 2015) as its archives unpack; `val2014` is the test split.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Listed, Listing, bad, read};
use crate::Result;
use crate::data::blob::Blob;
use crate::data::source::Split;

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

fn part(split: Split) -> &'static str {
    match split {
        Split::Train | Split::Validation => "train2014",
        Split::Test => "val2014",
    }
}

fn annotations(folder: &Path, split: Split) -> PathBuf {
    folder.join("annotations").join(format!("captions_{}.json", part(split)))
}

/// Whether `folder` has the captions of either split.
pub fn is_root(folder: &Path) -> bool {
    [Split::Train, Split::Test].into_iter().any(|split| annotations(folder, split).is_file())
}

/// The samples of a split, in the order of the annotations' pictures; those without a caption are among them.
pub fn list(folder: &Path, split: Split) -> Result<Listing> {
    let file = annotations(folder, split);
    let pictures = folder.join(part(split));
    if !file.is_file() || !pictures.is_dir() {
        let missing = if file.is_file() { &pictures } else { &file };
        return Err(bad(missing, format!("is missing; expected COCO's annotations/captions_{0}.json and {0}/", part(split))));
    }
    let found: Annotations = serde_json::from_slice(&read(&file)?).map_err(|error| bad(&file, error.to_string()))?;
    let mut captions: HashMap<u64, Vec<String>> = HashMap::new();
    for annotation in found.annotations {
        captions.entry(annotation.image_id).or_default().push(annotation.caption);
    }
    let mut samples = Vec::with_capacity(found.images.len());
    for image in found.images {
        // A name with a folder in it could lead anywhere.
        if image.file_name.contains(['/', '\\']) || image.file_name.starts_with("..") {
            return Err(bad(&file, format!("names picture {:?}; expected a plain file name", image.file_name)));
        }
        samples.push(Listed {
            picture: Some(Blob::file(pictures.join(&image.file_name))),
            captions: captions.remove(&image.id).unwrap_or_default(),
            key: image.file_name,
            ..Listed::default()
        });
    }
    // Captions of pictures that are not listed would vanish without a word.
    if let Some(id) = captions.keys().min() {
        return Err(bad(&file, format!("has captions of picture {id}, which its images do not list")));
    }
    Ok(Listing { layout: format!("COCO 2014, {}", part(split)), samples })
}
