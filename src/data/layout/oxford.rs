//! Oxford-102 flowers (Nilsback and Zisserman 2008) as its archives unpack, with the captions of Reed et al. (CVPR 2016).

use std::path::{Path, PathBuf};

use super::{ClassSplit, Listed, Listing, bad, caption_folder, class_split, features_alone, mat, places};
use crate::Result;
use crate::data::blob::Blob;
use crate::data::folder::in_any_case;
use crate::data::split::Split;

/// Folders in which the data set and Reed's release come.
const RELEASES: [&str; 2] = ["cvpr2016_flowers", "flowers"];

/// The folder of the tables, when `folder` or one of the usual ones in it has them.
pub fn root(folder: &Path) -> Option<PathBuf> {
    let folders = ["", "102flowers", "flowers-102", "Oxford-102", "oxford-102"].map(|name| folder.join(name));
    let is_root = |root: &PathBuf| root.join("imagelabels.mat").is_file() && root.join("setid.mat").is_file() && root.join("jpg").is_dir();
    folders.into_iter().find(is_root)
}

/// The samples of a split: of Reed's classes where his files are. Else `tstid` of `setid.mat` is the training split, and `trnid` and
/// `valid` are the test split. That swaps the names that the authors gave, as is usual for these flowers: their `trnid` has ten
/// pictures a class, 1,020 in all, and `tstid` 6,149. All classes are in both splits then.
pub fn list(root: &Path, split: Split) -> Result<Listing> {
    let places = places(root, &RELEASES);
    let labels_file = root.join("imagelabels.mat");
    let labels = mat::whole_numbers(&labels_file, "labels")?;
    let (chosen, how) = match class_split(&places, split)? {
        Some(ClassSplit { classes, file }) => {
            let number = |name: &String| {
                let number = name.strip_prefix("class_").and_then(|number| number.parse::<usize>().ok());
                number.ok_or_else(|| bad(&file, format!("holds {name:?}; expected classes such as class_00001")))
            };
            let wanted = classes.iter().map(number).collect::<Result<Vec<_>>>()?;
            // Every picture has a class, whatever split of setid.mat it is in.
            if let Some((_, empty)) = wanted.iter().zip(&classes).find(|(wanted, _)| !labels.contains(wanted)) {
                return Err(bad(&file, format!("holds class {empty}, of which {} has no picture", labels_file.display())));
            }
            let chosen = (1..=labels.len()).filter(|image| wanted.contains(&labels[image - 1])).collect();
            (chosen, format!("split by {}", file.display()))
        }
        None => {
            let file = root.join("setid.mat");
            let names: &[&str] = if split == Split::Train { &["tstid"] } else { &["trnid", "valid"] };
            let mut chosen = Vec::new();
            for name in names {
                chosen.extend(mat::whole_numbers(&file, name)?);
            }
            if let Some(image) = chosen.iter().find(|image| !(1..=labels.len()).contains(*image)) {
                return Err(bad(&file, format!("speaks of picture {image}; imagelabels.mat has {}", labels.len())));
            }
            chosen.sort_unstable();
            (chosen, format!("{} of setid.mat", names.join(" and ")))
        }
    };
    let text = |image: usize, folder: &Path| in_any_case(folder.join(format!("class_{:05}/image_{image:05}.txt", labels[image - 1])));
    let Some(folder) = caption_folder(&places, |folder| chosen.iter().any(|image: &usize| text(*image, folder).is_file())) else {
        let message = "holds Oxford-102 without captions; expected Reed's text_c10/class_00001/image_00001.txt in it or beside it";
        let features = features_alone(&places, "cvpr2016_flowers.tar.gz").map(|found| format!("; {found}")).unwrap_or_default();
        return Err(bad(root, format!("{message}{features}")));
    };
    let samples = chosen.iter().map(|image| Listed {
        key: format!("image_{image:05}.jpg"),
        picture: Some(Blob::file(in_any_case(root.join(format!("jpg/image_{image:05}.jpg"))))),
        text: Some(Blob::file(text(*image, &folder))),
        class_id: Some(labels[image - 1]),
        ..Listed::default()
    });
    let layout = format!("Oxford-102, {how}; captions of {}", folder.display());
    Ok(Listing { layout, samples: samples.collect(), warnings: Vec::new() })
}
