//! CUB-200-2011 (Wah et al., Caltech 2011) as its archive unpacks, with the captions of Reed et al. (CVPR 2016).
//!
//! `images.txt`, `classes.txt`, `image_class_labels.txt` and `bounding_boxes.txt` are tables of columns with spaces between; without the last
//! one pictures are taken whole. The archive's own `train_test_split.txt` is not looked at: it has every class in both parts, and text-to-image models are measured
//! on classes that they never saw.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{ClassSplit, Listed, Listing, bad, caption_folder, class_split, features_alone, lines, places};
use crate::Result;
use crate::data::blob::Blob;
use crate::data::folder::in_any_case;
use crate::data::square::Bounds;
use crate::data::split::Split;
use crate::import;

const NAME: &str = "CUB-200-2011";

/// The table of boxes.
const BOXES: &str = "bounding_boxes.txt";

/// Folders in which AttnGAN's and Reed's releases come.
const RELEASES: [&str; 3] = ["birds", "cvpr2016_cub", "CUB_200_2011"];

/// The folder of the tables, when `folder` or the `CUB_200_2011` in it has them.
pub fn root(folder: &Path) -> Option<PathBuf> {
    let tables = ["images.txt", "classes.txt", "image_class_labels.txt"];
    [folder.to_path_buf(), folder.join("CUB_200_2011")].into_iter().find(|root| tables.iter().all(|name| root.join(name).is_file()))
}

/// A picture of the tables.
struct Row {
    /// CLASS/NAME.
    name: String,
    /// CLASS/NAME.jpg, or however the name ends.
    file: String,
    class: usize,
    bounds: Option<Bounds>,
}

/// The samples of a split.
pub fn list(root: &Path, split: Split) -> Result<Listing> {
    let places = places(root, &RELEASES);
    let classes: HashMap<usize, String> = table(&root.join("classes.txt"), 1)?.into_iter().map(|(id, mut c)| (id, c.remove(0))).collect();
    let rows = rows(root, &classes)?;
    let names = filenames(&places, split)?;
    let (chosen, how) = match &names {
        Some((names, file)) => (by_name(&rows, names, file)?, format!("split by {}", file.display())),
        None => match class_split(&places, split)? {
            Some(ClassSplit { classes: wanted, file }) => {
                if let Some(unknown) = wanted.iter().find(|wanted| !classes.values().any(|class| class == *wanted)) {
                    return Err(bad(&file, format!("holds class {unknown}, which classes.txt does not")));
                }
                let has_picture = |wanted: &String| rows.iter().any(|row| classes.get(&row.class) == Some(wanted));
                if let Some(empty) = wanted.iter().find(|wanted| !has_picture(wanted)) {
                    return Err(bad(&file, format!("holds class {empty}, of which images.txt has no picture")));
                }
                let is_wanted = |row: &&Row| classes.get(&row.class).is_some_and(|class| wanted.contains(class));
                (rows.iter().filter(is_wanted).collect(), format!("split by {}", file.display()))
            }
            None => {
                let rule = "no split files found: every fourth class is for testing; not the published split";
                (rows.iter().filter(|row| (split == Split::Test) == row.class.is_multiple_of(4)).collect::<Vec<_>>(), rule.to_string())
            }
        },
    };
    let captions = Captions::find(root, &places, &chosen, names.is_some(), split)?;
    let samples = chosen.iter().enumerate().map(|(index, row)| Listed {
        key: row.file.clone(),
        picture: Some(Blob::file(in_any_case(root.join("images").join(&row.file)))),
        bounds: row.bounds,
        text: captions.file(row),
        captions: captions.known(index),
        class_id: Some(row.class),
        ..Listed::default()
    });
    let layout = format!("{NAME}, {how}; captions of {}", captions.origin().display());
    let without_boxes = format!("{} is missing: birds are not cut out, pictures are taken whole", root.join(BOXES).display());
    let warnings = if rows.iter().all(|row| row.bounds.is_none()) { vec![without_boxes] } else { Vec::new() };
    Ok(Listing { layout, samples: samples.collect(), warnings })
}

/// Where captions come from.
enum Captions {
    /// CLASS/NAME.txt in a folder.
    Folder(PathBuf),
    /// All of a split, the same number for each picture.
    Pickle { file: PathBuf, sentences: Vec<String>, each: usize },
}

impl Captions {
    fn find(root: &Path, places: &[PathBuf], chosen: &[&Row], by_name: bool, split: Split) -> Result<Self> {
        let has_class = |folder: &Path| chosen.iter().any(|row| text(folder, row).is_file());
        if let Some(folder) = caption_folder(places, has_class) {
            return Ok(Self::Folder(folder));
        }
        let Some(file) = places.iter().map(|place| place.join("captions.pickle")).find(|file| file.is_file()) else {
            let message = "holds CUB-200-2011 without captions; expected Reed's text or text_c10 folder, or AttnGAN's captions.pickle, \
                           in it or beside it";
            let features = features_alone(places, "cvpr2016_cub.tar.gz").map(|found| format!("; {found}")).unwrap_or_default();
            return Err(bad(root, format!("{message}{features}")));
        };
        if !by_name {
            return Err(bad(&file, "needs train/filenames.pickle and test/filenames.pickle beside it: its captions are in their order"));
        }
        let [train, test] = import::sentences(&file)?;
        let sentences = if split == Split::Train { train } else { test };
        let each = sentences.len() / chosen.len().max(1);
        if each == 0 || each * chosen.len() != sentences.len() {
            let message =
                format!("has {} {} captions for {} pictures; expected as many for each", sentences.len(), split.name(), chosen.len());
            return Err(bad(&file, message));
        }
        Ok(Self::Pickle { file, sentences, each })
    }

    fn file(&self, row: &Row) -> Option<Blob> {
        match self {
            Self::Folder(folder) => Some(Blob::file(text(folder, row))),
            Self::Pickle { .. } => None,
        }
    }

    fn known(&self, index: usize) -> Vec<String> {
        match self {
            Self::Folder(_) => Vec::new(),
            Self::Pickle { sentences, each, .. } => sentences.iter().skip(index * each).take(*each).cloned().collect(),
        }
    }

    fn origin(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Pickle { file: path, .. } => path,
        }
    }
}

/// Reed's captions of a picture.
fn text(folder: &Path, row: &Row) -> PathBuf {
    in_any_case(folder.join(format!("{}.txt", row.name)))
}

/// A picture's name without its ending, in whatever case.
fn stem(file: &str) -> &str {
    let ending = file.len().checked_sub(4).and_then(|at| file.split_at_checked(at));
    ending.filter(|(_, ending)| ending.eq_ignore_ascii_case(".jpg")).map_or(file, |(stem, _)| stem)
}

/// The file names of AttnGAN's split, where both of its files are.
fn filenames(places: &[PathBuf], split: Split) -> Result<Option<(Vec<String>, PathBuf)>> {
    let files = places.iter().map(|place| ["train", "test"].map(|name| place.join(name).join("filenames.pickle")));
    let Some([train, test]) = files.into_iter().find(|files| files.iter().all(|file| file.is_file())) else { return Ok(None) };
    let (train_names, test_names) = (import::filenames(&train)?, import::filenames(&test)?);
    let class = |name: &str| name.split('/').next().unwrap_or_default().to_string();
    let trained: std::collections::HashSet<String> = train_names.iter().map(|name| class(name)).collect();
    if let Some(both) = test_names.iter().find(|name| trained.contains(&class(name))) {
        return Err(bad(&test, format!("holds {both}, whose class is in {} too; expected other classes", train.display())));
    }
    Ok(Some(if split == Split::Train { (train_names, train) } else { (test_names, test) }))
}

fn by_name<'a>(rows: &'a [Row], names: &[String], file: &Path) -> Result<Vec<&'a Row>> {
    let known: HashMap<&str, &Row> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let find = |name: &String| {
        let name = stem(name);
        known.get(name).copied().ok_or_else(|| bad(file, format!("holds {name}, which images.txt does not")))
    };
    names.iter().map(find).collect()
}

fn rows(root: &Path, classes: &HashMap<usize, String>) -> Result<Vec<Row>> {
    let labels_file = root.join("image_class_labels.txt");
    let boxes_file = root.join(BOXES);
    let labels: HashMap<usize, Vec<String>> = table(&labels_file, 1)?.into_iter().collect();
    let boxes: Option<HashMap<usize, Vec<String>>> =
        boxes_file.is_file().then(|| table(&boxes_file, 4)).transpose()?.map(|table| table.into_iter().collect());
    let mut rows = Vec::new();
    for (id, columns) in table(&root.join("images.txt"), 1)? {
        let missing = |file: &Path| bad(file, format!("has no line for picture {id}, which images.txt has"));
        let label = labels.get(&id).ok_or_else(|| missing(&labels_file))?;
        let class = label[0].parse().ok().filter(|class| classes.contains_key(class));
        let class = class.ok_or_else(|| bad(&labels_file, format!("picture {id} has class {}, which classes.txt does not", label[0])))?;
        let bounds = match &boxes {
            Some(boxes) => {
                let edges = boxes.get(&id).ok_or_else(|| missing(&boxes_file))?;
                // Cut to whole pixels as the public code's `astype(int)` does.
                let edge = |at: usize| match edges[at].parse::<f64>() {
                    Ok(edge) if edge.is_finite() => Ok(edge as i64),
                    _ => Err(bad(&boxes_file, format!("picture {id} has {:?} in its box; expected a number", edges[at]))),
                };
                Some(Bounds { x: edge(0)?, y: edge(1)?, width: edge(2)?, height: edge(3)? })
            }
            None => None,
        };
        let name = stem(&columns[0]).to_string();
        let file = if name == columns[0] { format!("{name}.jpg") } else { columns[0].clone() };
        rows.push(Row { name, file, class, bounds });
    }
    Ok(rows)
}

/// A table's lines: a number, and `columns` others.
fn table(path: &Path, columns: usize) -> Result<Vec<(usize, Vec<String>)>> {
    parse_table(path, &lines(path)?, columns)
}

/// The numbered `lines` of the table `path`.
pub(super) fn parse_table(path: &Path, lines: &[(usize, String)], columns: usize) -> Result<Vec<(usize, Vec<String>)>> {
    let parse = |(line, text): &(usize, String)| {
        let mut cells = text.split_whitespace();
        let id = cells.next().and_then(|id| id.parse().ok());
        let cells: Vec<String> = cells.map(str::to_string).collect();
        match id {
            Some(id) if cells.len() == columns => Ok((id, cells)),
            _ => Err(bad(path, format!("line {line} is {text:?}; expected a number and {columns} columns"))),
        }
    };
    lines.iter().map(parse).collect()
}
