//! Folders as people have them, read back through [`Dataset::open`].

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::{DataOptions, Dataset, Split};
use crate::{Error, Result};

/// A picture of one colour, and what is written beside it under other endings.
fn picture(path: PathBuf, beside: &[(&str, &str)]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let red = path.to_string_lossy().bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    image::RgbImage::from_pixel(8, 8, image::Rgb([red, 0, 0])).save_with_format(&path, image::ImageFormat::Png).unwrap();
    for (extension, content) in beside {
        fs::write(path.with_extension(extension), content).unwrap();
    }
}

fn open_all(paths: &[PathBuf], split: Split) -> Result<Dataset> {
    open_some(paths, split, 0)
}

fn open_some(paths: &[PathBuf], split: Split, max_skipped: usize) -> Result<Dataset> {
    Dataset::open(paths, split, &DataOptions { size: 8, max_skipped, ..Default::default() })
}

fn open(folder: &Path, split: Split) -> Result<Dataset> {
    open_all(&[folder.to_path_buf()], split)
}

/// Each sample's name in `folder`, class and captions.
fn seen(folder: &Path, dataset: &Dataset) -> Vec<(String, Option<usize>, String)> {
    let name = |key: &str| Path::new(key).strip_prefix(folder).unwrap().display().to_string();
    dataset.samples.iter().map(|sample| (name(&sample.key), sample.class_id, sample.captions.join("|"))).collect()
}

fn names(folder: &Path, dataset: &Dataset) -> Vec<String> {
    seen(folder, dataset).into_iter().map(|(name, _, _)| name).collect()
}

#[test]
fn the_part_for_testing_has_many_names() {
    for test in ["test", "val", "valid", "validation", "Val", "TEST"] {
        let folder = tempfile::tempdir().unwrap();
        picture(folder.path().join("train/a.png"), &[("txt", "a wall")]);
        picture(folder.path().join(test).join("b.png"), &[("txt", "a door")]);
        let (train, tested) = (open(folder.path(), Split::Train).unwrap(), open(folder.path(), Split::Test).unwrap());
        assert_eq!(names(folder.path(), &train), ["train/a.png"]);
        assert_eq!(names(folder.path(), &tested), [format!("{test}/b.png")]);
        assert!(tested.summary(Split::Test).starts_with(&format!("a folder of pictures, {test}/ (test): 1 pictures")), "{}", tested.layout);
    }
}

#[test]
fn of_three_parts_the_validation_is_left_and_named() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "val", "test", "extra", "empty"] {
        picture(folder.path().join(part).join("a.png"), &[("txt", "a wall")]);
    }
    fs::remove_file(folder.path().join("empty/a.png")).unwrap();
    picture(folder.path().join("cover.png"), &[]);
    let test = open(folder.path(), Split::Test).unwrap();
    assert_eq!(names(folder.path(), &test), ["test/a.png"]);
    assert_eq!(test.layout, "a folder of pictures, test/; not read: extra/, val/, 1 pictures beside them");
    let train = open(folder.path(), Split::Train).unwrap();
    assert_eq!(train.layout, "a folder of pictures, train/; not read: extra/, 1 pictures beside them");
}

/// Nothing that lies in a part is left without a word.
#[test]
fn what_lies_beside_pictures_or_shards_in_a_part_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    picture(at("train/a.png"), &[("txt", "a wall")]);
    picture(at("train/deep/b.png"), &[("txt", "a wall")]);
    fs::write(at("train/all.tgz"), "").unwrap();
    let train = open(folder.path(), Split::Train).unwrap();
    assert_eq!(train.layout, "a folder of pictures, train/; not read: train/deep/, train/all.tgz");
    // The same beside shards.
    crate::data::tiny::write(&at("shards")).unwrap();
    fs::rename(at("shards/tiny-train-000.tar"), at("train/0.tar")).unwrap();
    fs::remove_dir_all(at("shards")).unwrap();
    fs::remove_file(at("train/all.tgz")).unwrap();
    let train = open(folder.path(), Split::Train).unwrap();
    assert_eq!(train.layout, "1 WebDataset shard; not read: train/deep/, 1 pictures beside the shards in train/");
}

/// Systems put a picture of their own on top of folders of pictures.
#[test]
fn a_picture_that_hides_folders_of_pictures_is_told_with_them() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["rose", "tulip"] {
        picture(folder.path().join(class).join("a.png"), &[("txt", "a flower")]);
    }
    picture(folder.path().join("Folder.jpg"), &[]);
    let error = open_some(&[folder.path().to_path_buf()], Split::Train, 1).unwrap_err().to_string();
    assert!(error.contains("not read: rose/, tulip/") && error.contains("Folder.jpg: there is no caption"), "{error}");
}

#[test]
fn a_training_part_alone_has_nothing_for_testing() {
    let folder = tempfile::tempdir().unwrap();
    picture(folder.path().join("train/a.png"), &[("txt", "a wall")]);
    let error = open(folder.path(), Split::Test).unwrap_err().to_string();
    assert!(error.contains("no test data found; what is there is for training"), "{error}");
}

#[test]
fn folders_that_are_named_one_by_one_are_what_their_names_say() {
    let folder = tempfile::tempdir().unwrap();
    let at = |part: &str| folder.path().join(part);
    for i in 0..10 {
        picture(at("train").join(format!("{i}.png")), &[("txt", "a wall")]);
        picture(at("val").join(format!("{i}.png")), &[("txt", "a wall")]);
    }
    let both = [at("train"), at("val")];
    let found = |split| names(folder.path(), &open_all(&both, split).unwrap());
    assert!(found(Split::Train).len() == 10 && found(Split::Train).iter().all(|name| name.starts_with("train/")));
    assert!(found(Split::Test).len() == 10 && found(Split::Test).iter().all(|name| name.starts_with("val/")));
    // One alone is a plain folder.
    assert_eq!(open(&at("train"), Split::Test).unwrap().len(), 1);
}

#[test]
fn what_systems_leave_behind_is_no_data_and_endings_have_any_case() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..10 {
        picture(folder.path().join(format!("p{i}.JPG")), &[("TXT", "a wall")]);
        fs::write(folder.path().join(format!("._p{i}.JPG")), "\0\x05\x16\x07").unwrap();
    }
    picture(folder.path().join(".thumbnails/p0.png"), &[]);
    picture(folder.path().join("__MACOSX/p0.png"), &[]);
    for junk in [".DS_Store", "Thumbs.db", "desktop.ini"] {
        fs::write(folder.path().join(junk), [0, 1, 2]).unwrap();
    }
    let train = open(folder.path(), Split::Train).unwrap();
    assert_eq!((train.len(), train.layout.as_str()), (9, "a folder of pictures"));
    assert_eq!(open(folder.path(), Split::Test).unwrap().samples[0].captions, ["a wall"]);
}

/// Phones write other kinds of pictures, and editors add an ending that the system hides.
#[test]
fn what_is_no_pair_of_a_picture_and_a_text_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    picture(at("train/a.JFIF"), &[("txt", "a wall")]);
    picture(at("train/b.jpg"), &[]);
    fs::write(at("train/b.jpg.txt"), "a door").unwrap();
    for name in ["c.HEIC", "c.txt", "d.gif", "e.txt.txt", "f.txt"] {
        fs::write(at("train").join(name), "x").unwrap();
    }
    let train = open(folder.path(), Split::Train).unwrap();
    let captions: Vec<&str> = train.samples.iter().map(|sample| sample.captions[0].as_str()).collect();
    assert_eq!(captions, ["a wall", "a door"]);
    let (others, texts) =
        ("2 pictures of other kinds than webp, jpg and png (gif, heic)", "2 texts that lie beside no picture of their names, such as e.txt.txt");
    assert_eq!(train.layout, format!("a folder of pictures, train/; not read: {others}, {texts}"));
    // Where nothing is read, that is why.
    fs::remove_file(at("train/a.JFIF")).unwrap();
    fs::remove_file(at("train/b.jpg")).unwrap();
    let error = open(folder.path(), Split::Train).unwrap_err().to_string();
    assert!(error.contains("no train data found") && error.contains(&format!("; not read: {others}")), "{error}");
    fs::remove_file(at("train/c.HEIC")).unwrap();
    picture(at("train/c.png"), &[("txt", "?")]);
    let error = open(folder.path(), Split::Train).unwrap_err().to_string();
    assert!(error.contains("c.png: there is no caption with a word in it"), "{error}");
}

#[test]
fn folders_are_classes_with_the_same_numbers_in_each_split() {
    let folder = tempfile::tempdir().unwrap();
    for (path, class) in [("train/rose/1.jpg", 0), ("train/tulip/deep/2.png", 2), ("val/iris/3.png", 1), ("val/tulip/4.PNG", 2)] {
        picture(folder.path().join(path), &[("txt", &format!("class {class}"))]);
    }
    // Another part of three, whose classes count.
    picture(folder.path().join("train/daisy/0.png"), &[("txt", "class 9")]);
    let (train, test) = (open(folder.path(), Split::Train).unwrap(), open(folder.path(), Split::Test).unwrap());
    let classes = |dataset: &Dataset| dataset.samples.iter().map(|sample| sample.class_id.unwrap()).collect::<Vec<_>>();
    // daisy, iris, rose, tulip.
    assert_eq!((classes(&train), classes(&test)), (vec![0, 2, 3], vec![1, 3]));
    assert!(train.layout.contains("train/, 4 folders that are classes"), "{}", train.layout);
}

#[test]
fn class_folders_alone_are_split_by_tenths_and_one_folder_is_no_class() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..20 {
        picture(folder.path().join(format!("{}/{i:02}.png", ["a", "b"][i / 10])), &[("txt", "a wall")]);
    }
    let (train, test) = (open(folder.path(), Split::Train).unwrap(), open(folder.path(), Split::Test).unwrap());
    assert_eq!((train.len(), names(folder.path(), &test)), (18, vec!["a/09.png".to_string(), "b/19.png".into()]));
    assert_eq!(test.samples.iter().map(|sample| sample.class_id).collect::<Vec<_>>(), [Some(0), Some(1)]);
    fs::remove_dir_all(folder.path().join("b")).unwrap();
    let train = open(folder.path(), Split::Train).unwrap();
    assert_eq!((train.len(), train.samples[0].class_id), (9, None));
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_are_followed_once() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..10 {
        picture(folder.path().join(format!("{}/{i}.png", ["a", "b"][i % 2])), &[("txt", "a wall")]);
    }
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/again")).unwrap();
    assert_eq!(open(folder.path(), Split::Train).unwrap().len(), 9);
}

#[test]
fn metadata_of_either_kind_say_what_pictures_show() {
    let jsonl = "\u{feff}{\"file_name\": \"a.png\", \"text\": \"a wall\", \"label\": 3}\n\n{\"file_name\": \"./b.PNG\", \"captions\": [\"one\", \"two\"], \"class_id\": \"4\", \"score\": NaN}\n";
    let csv = "file_name,text,label\r\na.png,a wall,3\r\nb.PNG,\"one, \"\"two\"\"\nand three\",rose\r\n";
    for (name, content, expected) in [
        ("metadata.jsonl", jsonl, [(Some(3), "a wall"), (Some(4), "one|two")]),
        ("metadata.csv", csv, [(Some(3), "a wall"), (None, "one, \"two\"\nand three")]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for part in ["train", "test"] {
            let part = folder.path().join(part);
            for name in ["a.png", "b.PNG"] {
                picture(part.join(name), &[]);
            }
            fs::write(part.join(name), content).unwrap();
        }
        let train = open(folder.path(), Split::Train).unwrap();
        let found: Vec<_> = seen(folder.path(), &train).into_iter().map(|(_, class, captions)| (class, captions)).collect();
        assert_eq!(found, expected.map(|(class, captions)| (class, captions.to_string())), "{name}");
        assert_eq!(train.layout, format!("a folder of pictures, train/, captions of {name}"));
    }
}

#[test]
fn metadata_above_the_parts_and_in_class_folders_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    picture(at("train/a.png"), &[("txt", "written beside it")]);
    picture(at("test/b/b.png"), &[]);
    picture(at("test/c/c.png"), &[]);
    fs::write(at("metadata.csv"), "file_name,caption\ntrain/a.png,a wall\ntest/b/b.png,a door\n").unwrap();
    fs::write(at("test/c/metadata.jsonl"), "{\"file_name\": \"c.png\", \"caption\": \"a roof\"}").unwrap();
    let train = open(folder.path(), Split::Train).unwrap();
    assert_eq!(train.samples[0].captions, ["a wall", "written beside it"]);
    let test = open(folder.path(), Split::Test).unwrap();
    let expected = [("test/b/b.png", Some(0), "a door"), ("test/c/c.png", Some(1), "a roof")];
    assert_eq!(seen(folder.path(), &test), expected.map(|(name, class, text)| (name.to_string(), class, text.to_string())));
}

#[test]
fn what_metadata_name_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    picture(at("train/a.png"), &[]);
    let refused = |content: &str, parts: &[&str]| {
        fs::write(at("train/metadata.jsonl"), content).unwrap();
        let error = open(folder.path(), Split::Train).unwrap_err();
        assert!(matches!(error, Error::BadData { .. }), "{error}");
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{content}: {error}");
    };
    let row = |name: &str| format!("{{\"file_name\": {name:?}, \"text\": \"a wall\"}}\n");
    refused(&(row("a.png") + &row("gone.png")), &["gone.png", "metadata.jsonl names it"]);
    refused(&(row("a.png") + &row("../../outside.png")), &["metadata.jsonl", "line 2", "outside.png"]);
    refused(&row("/etc/passwd"), &["line 1", "expected a file in the folder"]);
    refused(&(row("a.png") + "{\"file_name\":"), &["metadata.jsonl", "line 2"]);
    refused("{\"file_name\": \"a.png\", \"text\": 3}", &["line 1", "text holds 3"]);
    refused("caf\u{e9}", &["metadata.jsonl", "line 1"]);
    // Tables of something else are left, and named.
    fs::write(at("train/metadata.jsonl"), "{\"image\": \"a.png\", \"text\": \"a wall\"}").unwrap();
    fs::write(at("train/metadata.csv"), "file_name,description\na.png,a wall\n").unwrap();
    fs::write(at("train/a.txt"), "a wall").unwrap();
    let train = open(folder.path(), Split::Train).unwrap();
    let not_read = "not read: metadata.jsonl (no file_name), metadata.csv (no captions, caption or text)";
    assert!(train.layout.ends_with(not_read), "{}", train.layout);
}

#[test]
fn captions_are_text_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    picture(folder.path().join("train/a.png"), &[]);
    let text = folder.path().join("train/a.txt");
    let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let written = "\u{feff}a blue bird\r\n\r\nwith a long café\r\n";
    for bytes in [written.as_bytes().to_vec(), wide(written, u16::to_le_bytes), wide(written, u16::to_be_bytes)] {
        fs::write(&text, bytes).unwrap();
        assert_eq!(open(folder.path(), Split::Train).unwrap().samples[0].captions, ["a blue bird", "with a long café"]);
    }
    for (bytes, says) in [(wide(&written[3..], u16::to_le_bytes), "UTF-16 without"), (b"a wall\ncaf\xe9".to_vec(), "line 2 holds the byte 0xe9")] {
        fs::write(&text, bytes).unwrap();
        let error = open(folder.path(), Split::Train).unwrap_err().to_string();
        assert!(error.contains("a.png") && error.contains("txt: is no text") && error.contains(says), "{error}");
    }
}
