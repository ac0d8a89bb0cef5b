//! Small trees in each published layout, read back through [`Dataset::open`].

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

use super::mat::writer;
use crate::Result;
use crate::data::{DataOptions, Dataset, Split};

const CLASSES: [&str; 4] = ["001.Red", "002.Green", "003.Blue", "004.Grey"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data").join(name)
}

fn write(path: PathBuf, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A picture of 20 × 16 pixels that tells where each of them is. PNG under any name: bytes say what they are.
fn picture(path: PathBuf, blue: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = RgbImage::from_fn(20, 16, |x, y| Rgb([10 * x as u8, 10 * y as u8, blue]));
    picture.save_with_format(path, image::ImageFormat::Png).unwrap();
}

/// Four classes of two pictures, without captions.
fn cub(root: &Path) {
    let (mut images, mut labels, mut boxes) = (String::new(), String::new(), String::new());
    for id in 1..=8 {
        let class = CLASSES[(id - 1) / 2];
        let name = format!("{class}/{}_{}.jpg", &class[4..], (id - 1) % 2 + 1);
        picture(root.join("images").join(&name), id as u8);
        images += &format!("{id} {name}\n");
        labels += &format!("{id} {}\n", (id - 1) / 2 + 1);
        boxes += &format!("{id} {}\n", if id % 2 == 1 { "3.0 2.9 4.0 6.0" } else { "14.0 1.0 6.0 4.0" });
    }
    let classes: String = CLASSES.iter().enumerate().map(|(index, class)| format!("{} {class}\n", index + 1)).collect();
    let tables = [("images", images), ("image_class_labels", labels), ("bounding_boxes", boxes), ("classes", classes)];
    for (name, table) in tables {
        write(root.join(format!("{name}.txt")), table);
    }
    // Not class-disjoint, so never to be used.
    write(root.join("train_test_split.txt"), "1 1\n2 0\n");
}

fn texts(folder: &Path) {
    for class in CLASSES {
        for i in 1..=2 {
            write(folder.join(format!("{class}/{}_{i}.txt", &class[4..])), format!("a {class} bird\n\nnumber {i}.\n"));
        }
    }
}

fn open(folder: &Path, split: Split) -> Result<Dataset> {
    Dataset::open(&[folder.to_path_buf()], split, &DataOptions { size: 8, max_skipped: 1, ..Default::default() })
}

fn keys(dataset: &Dataset) -> Vec<&str> {
    dataset.samples.iter().map(|sample| sample.key.as_str()).collect()
}

fn class_ids(dataset: &Dataset) -> Vec<usize> {
    dataset.samples.iter().map(|sample| sample.class_id.unwrap()).collect()
}

#[test]
fn cub_with_text_folders_is_read_from_itself_and_from_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("CUB_200_2011");
    cub(&root);
    let error = open(&root, Split::Train).unwrap_err().to_string();
    assert!(error.contains("without captions"), "{error}");
    texts(&folder.path().join("cvpr2016_cub/text_c10"));
    write(folder.path().join("cvpr2016_cub/trainvalclasses.txt"), "002.Green\n004.Grey\n003.Blue\n");
    write(folder.path().join("cvpr2016_cub/testclasses.txt"), "001.Red\r\n");
    for named in [folder.path(), &root] {
        let (train, test) = (open(named, Split::Train).unwrap(), open(named, Split::Test).unwrap());
        assert_eq!(class_ids(&train), [2, 2, 3, 3, 4, 4]);
        assert_eq!(keys(&test), ["001.Red/Red_1.jpg", "001.Red/Red_2.jpg"]);
        assert_eq!(test.samples[1].captions, ["a 001.Red bird", "number 2."]);
        let summary = train.summary(Split::Train);
        for part in ["CUB-200-2011", "trainvalclasses.txt", "6 pictures", "12 captions", "3 classes"] {
            assert!(summary.contains(part), "{summary}");
        }
    }
}

#[test]
fn a_listed_class_of_cub_has_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    cub(root);
    texts(&root.join("text"));
    let classes = fs::read_to_string(root.join("classes.txt")).unwrap();
    write(root.join("classes.txt"), classes + "5 005.Black\n");
    write(root.join("trainvalclasses.txt"), "002.Green\n005.Black\n");
    write(root.join("testclasses.txt"), "001.Red\n");
    let error = open(root, Split::Train).unwrap_err().to_string();
    assert!(error.contains("trainvalclasses.txt") && error.contains("005.Black") && error.contains("no picture"), "{error}");
    assert_eq!(class_ids(&open(root, Split::Test).unwrap()), [1, 1]);
    write(root.join("testclasses.txt"), "\n");
    let error = open(root, Split::Test).unwrap_err().to_string();
    assert!(error.contains("testclasses.txt") && error.contains("no class"), "{error}");
}

#[test]
fn cub_is_cropped_as_attngan_crops_it() {
    let folder = tempfile::tempdir().unwrap();
    cub(folder.path());
    texts(&folder.path().join("text"));
    let test = open(folder.path(), Split::Test).unwrap();
    assert!(test.layout.contains("every fourth class"), "{}", test.layout);
    assert_eq!(class_ids(&test), [4, 4]);
    // Box 3, 2, 4, 6: half-side int(6 · 0.75) = 4 around (5, 5).
    let expected: Vec<u8> = (0..64).flat_map(|i| [10 * (1 + i % 8), 10 * (1 + i / 8), 7]).collect();
    assert_eq!(*test.samples[0].image().unwrap(), expected);
    // Box 14, 1, 6, 4: half-side 4 around (17, 3) leaves x 13 to 20 and y 0 to 7 of the picture.
    let options = DataOptions { size: 7, ..Default::default() };
    let test = Dataset::open(&[folder.path().to_path_buf()], Split::Test, &options).unwrap();
    let expected: Vec<u8> = (0..49).flat_map(|i| [10 * (13 + i % 7), 10 * (i / 7), 8]).collect();
    assert_eq!(*test.samples[1].image().unwrap(), expected);
}

#[test]
fn cub_as_attngan_unpacks_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    cub(&folder.path().join("CUB_200_2011"));
    let captions = folder.path().join("captions.pickle");
    write(captions.clone(), fs::read(fixture("captions.pickle")).unwrap());
    let error = open(folder.path(), Split::Train).unwrap_err().to_string();
    assert!(error.contains("filenames.pickle"), "{error}");
    for split in ["train", "test"] {
        let bytes = fs::read(fixture(&format!("{split}_filenames.pickle"))).unwrap();
        write(folder.path().join(split).join("filenames.pickle"), bytes);
    }
    let (train, test) = (open(folder.path(), Split::Train).unwrap(), open(folder.path(), Split::Test).unwrap());
    assert_eq!((class_ids(&train), class_ids(&test)), (vec![1, 1, 2, 2, 3, 3], vec![4, 4]));
    assert_eq!(train.samples[2].captions, ["a green bird", "a small bird"]);
    assert_eq!(test.samples[1].captions, ["a grey bird", "a small bird"]);

    write(folder.path().join("test/filenames.pickle"), fs::read(fixture("train_filenames.pickle")).unwrap());
    let error = open(folder.path(), Split::Test).unwrap_err().to_string();
    assert!(error.contains("expected other classes"), "{error}");
    write(folder.path().join("test/filenames.pickle"), "<html>");
    assert!(open(folder.path(), Split::Test).unwrap_err().to_string().contains("filenames.pickle"));
    write(folder.path().join("test/filenames.pickle"), fs::read(fixture("test_filenames.pickle")).unwrap());
    write(captions, "<html>");
    assert!(open(folder.path(), Split::Test).unwrap_err().to_string().contains("captions.pickle"));
}

#[test]
fn broken_cub_tables_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    cub(root);
    texts(&root.join("text"));
    let broken = |name: &str, content: &str, part: &str| {
        let whole = fs::read(root.join(name)).unwrap();
        write(root.join(name), content);
        let error = open(root, Split::Train).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(part), "{error}");
        write(root.join(name), whole);
    };
    broken("images.txt", "one two\n", "line 1");
    broken("image_class_labels.txt", "1 1\n", "picture 2");
    broken("bounding_boxes.txt", "1 a b c d\n", "expected a number");
    broken("classes.txt", "1 001.Red\n", "classes");
    // A box outside of the picture, and a picture that is gone: one may be skipped, two may not.
    let boxes = fs::read_to_string(root.join("bounding_boxes.txt")).unwrap();
    write(root.join("bounding_boxes.txt"), boxes.replacen("1 3.0", "1 300.0", 1));
    let train = open(root, Split::Train).unwrap();
    assert_eq!(train.len(), 5);
    assert!(train.skipped[0].contains("Red_1.jpg: the box"), "{}", train.skipped[0]);
    fs::remove_file(root.join("images/002.Green/Green_1.jpg")).unwrap();
    let error = open(root, Split::Train).unwrap_err().to_string();
    assert!(error.contains("max_skipped") && error.contains("Green_1.jpg"), "{error}");
}

#[test]
fn oxford_is_read_by_setid_and_by_reeds_classes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let labels: [u8; 5] = [2, 1, 2, 1, 3];
    for (index, class) in labels.iter().enumerate() {
        let image = index + 1;
        picture(root.join(format!("jpg/image_{image:05}.jpg")), *class);
        write(root.join(format!("text_c10/class_{class:05}/image_{image:05}.txt")), format!("flower {image}\n"));
    }
    write(root.join("imagelabels.mat"), writer::file(&[writer::compressed(&writer::numbers("labels", &labels, false))]));
    let ids = [("trnid", [1, 3].as_slice()), ("valid", &[2]), ("tstid", &[5, 4])].map(|(name, ids)| writer::numbers(name, ids, true));
    write(root.join("setid.mat"), writer::file(&ids));
    let (train, test) = (open(root, Split::Train).unwrap(), open(root, Split::Test).unwrap());
    assert_eq!((keys(&train), class_ids(&train)), (vec!["image_00004.jpg", "image_00005.jpg"], vec![1, 3]));
    assert_eq!((keys(&test).len(), class_ids(&test)), (3, vec![2, 1, 2]));
    assert_eq!(train.samples[0].captions, ["flower 4"]);
    // 20 × 16 becomes the square in the middle.
    assert!(train.samples[0].image().unwrap().iter().skip(2).step_by(3).all(|blue| *blue == 1));

    write(root.join("trainvalclasses.txt"), "class_00001\nclass_00003\n");
    write(root.join("testclasses.txt"), "class_00002\n");
    let (train, test) = (open(root, Split::Train).unwrap(), open(root, Split::Test).unwrap());
    assert_eq!((class_ids(&train), class_ids(&test)), (vec![1, 1, 3], vec![2, 2]));
    assert!(test.layout.contains("testclasses.txt"), "{}", test.layout);
    write(root.join("testclasses.txt"), "class_00002\nclass_00103\n");
    let error = open(root, Split::Test).unwrap_err().to_string();
    assert!(error.contains("testclasses.txt") && error.contains("class_00103") && error.contains("no picture"), "{error}");
    write(root.join("testclasses.txt"), "class_00003\n");
    assert!(open(root, Split::Test).unwrap_err().to_string().contains("class_00003"));
}

#[test]
fn coco_is_matched_by_picture_number() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let json = |images: &[u64], captions: &[(u64, &str)]| {
        let images: Vec<_> =
            images.iter().map(|id| serde_json::json!({"id": id, "file_name": format!("COCO_{id}.jpg"), "height": 16})).collect();
        let captions: Vec<_> = captions.iter().map(|(id, text)| serde_json::json!({"image_id": id, "id": 7, "caption": text})).collect();
        serde_json::json!({"info": {}, "images": images, "annotations": captions}).to_string()
    };
    let train = root.join("annotations/captions_train2014.json");
    write(train.clone(), json(&[9, 5, 6], &[(5, "a dog"), (9, "a cat"), (5, "the dog")]));
    write(root.join("annotations/captions_val2014.json"), json(&[1], &[(1, "a bus")]));
    for (split, id) in [("train", 9), ("train", 5), ("train", 6), ("val", 1)] {
        picture(root.join(format!("{split}2014/COCO_{id}.jpg")), id);
    }
    let (data, test) = (open(root, Split::Train).unwrap(), open(root, Split::Test).unwrap());
    assert_eq!(keys(&data), ["COCO_9.jpg", "COCO_5.jpg"]);
    assert_eq!(data.samples[1].captions, ["a dog", "the dog"]);
    assert_eq!(data.skipped, ["COCO_6.jpg: there is no caption"]);
    assert!(data.samples.iter().all(|sample| sample.class_id.is_none()));
    assert_eq!(test.samples[0].captions, ["a bus"]);
    assert!(data.summary(Split::Train).contains("COCO 2014, train2014 (train): 2 pictures, 3 captions, no classes"));

    write(train.clone(), json(&[9], &[(9, "a cat"), (8, "a ghost")]));
    assert!(open(root, Split::Train).unwrap_err().to_string().contains("picture 8"));
    write(train.clone(), "{\"images\": [");
    assert!(open(root, Split::Train).unwrap_err().to_string().contains("captions_train2014.json"));
    fs::remove_dir_all(root.join("val2014")).unwrap();
    assert!(open(root, Split::Test).unwrap_err().to_string().contains("val2014"));
}

#[test]
fn coco_of_2017_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let json = |id: u8| {
        let name = format!("{id:012}.jpg");
        let (images, captions) = (serde_json::json!([{"id": id, "file_name": name}]), serde_json::json!([{"image_id": id, "caption": "a dog"}]));
        format!("\u{feff}{}", serde_json::json!({"images": images, "annotations": captions}))
    };
    for (part, id) in [("train2017", 9), ("val2017", 7)] {
        write(root.join(format!("annotations/captions_{part}.json")), json(id));
    }
    picture(root.join("train2017/000000000009.jpg"), 9);
    picture(root.join("images/val2017/000000000007.jpg"), 7);
    let (train, test) = (open(root, Split::Train).unwrap(), open(root, Split::Test).unwrap());
    assert_eq!((keys(&train), keys(&test)), (vec!["000000000009.jpg"], vec!["000000000007.jpg"]));
    assert!(test.layout.contains("COCO 2017, val2017"), "{}", test.layout);
    write(root.join("annotations/captions_val2014.json"), json(7));
    picture(root.join("val2014/000000000007.jpg"), 7);
    assert!(open(root, Split::Test).unwrap().layout.contains("COCO 2014"));
}

/// Hears warnings.
#[derive(Debug, Default)]
struct Warned(std::sync::Mutex<Vec<String>>);

impl crate::watch::Watcher for Warned {
    fn tell(&self, event: &crate::watch::Event<'_>) {
        if let crate::watch::Event::Warning(text) = event {
            self.0.lock().unwrap().push(text.to_string());
        }
    }
}

#[test]
fn cub_without_boxes_is_taken_whole_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    cub(folder.path());
    texts(&folder.path().join("text"));
    fs::remove_file(folder.path().join("bounding_boxes.txt")).unwrap();
    let warned = std::sync::Arc::new(Warned::default());
    let options = DataOptions { size: 8, watcher: warned.clone(), ..Default::default() };
    let test = Dataset::open(&[folder.path().to_path_buf()], Split::Test, &options).unwrap();
    // The square in the middle of 20 × 16 pixels, halved.
    assert_eq!(test.samples[0].image().unwrap()[..3], [25, 5, 7]);
    let warnings = warned.0.lock().unwrap().clone();
    assert!(warnings.len() == 1 && warnings[0].contains("bounding_boxes.txt is missing"), "{warnings:?}");
}

#[test]
fn cub_is_read_whatever_the_case_of_its_endings_and_the_marks_of_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    cub(root);
    texts(&root.join("text"));
    let before: Vec<_> = [Split::Train, Split::Test].map(|split| open(root, split).unwrap()).into_iter().collect();
    // The table says .JPG of some, the disk of others.
    let images = fs::read_to_string(root.join("images.txt")).unwrap();
    write(root.join("images.txt"), images.replacen(".jpg", ".JPG", 3));
    for name in ["002.Green/Green_1", "004.Grey/Grey_1"] {
        fs::rename(root.join("images").join(format!("{name}.jpg")), root.join("images").join(format!("{name}.JPG"))).unwrap();
        fs::rename(root.join("text").join(format!("{name}.txt")), root.join("text").join(format!("{name}.TXT"))).unwrap();
    }
    for table in ["images", "classes", "image_class_labels", "bounding_boxes"] {
        let path = root.join(format!("{table}.txt"));
        let text = format!("\u{feff}{}", fs::read_to_string(&path).unwrap());
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        write(path, if table == "classes" { wide } else { text.into_bytes() });
    }
    for (split, before) in [Split::Train, Split::Test].into_iter().zip(before) {
        let after = open(root, split).unwrap();
        assert_eq!((after.fingerprint(), class_ids(&after)), (before.fingerprint(), class_ids(&before)));
        let captions = |data: &Dataset| data.samples.iter().map(|sample| sample.captions.clone()).collect::<Vec<_>>();
        assert_eq!(captions(&after), captions(&before));
    }
    write(root.join("classes.txt"), b"1 001.Ros\xe9\n");
    assert!(open(root, Split::Train).unwrap_err().to_string().contains("classes.txt: is no text"));
}

#[test]
fn captions_that_are_features_alone_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    cub(&folder.path().join("CUB_200_2011"));
    write(folder.path().join("cvpr2016_cub/text_c10/001.Red.h5"), "features");
    let error = open(folder.path(), Split::Train).unwrap_err().to_string();
    for part in ["without captions", "001.Red.h5", "cvpr2016_cub.tar.gz", "text_c10"] {
        assert!(error.contains(part), "{error}");
    }
}
