//! From what lies beside one another to a sample: a picture, its captions and its class.

use super::blob::Blob;
use super::dataset::Sample;
use super::description::{self, Description};
use super::layout::Listed;
use super::pixels::Lazy;
use crate::text::{self, tokenize};

/// Reads picture and captions, or says what is wrong.
pub(super) fn read(listed: &Listed, size: usize) -> Result<Sample, String> {
    if let Some(problem) = &listed.problem {
        return Err(problem.clone());
    }
    let picture = listed.picture.clone().ok_or("there is no picture")?;
    let image = Lazy::new(picture, listed.bounds, size).decode()?;
    let mut class_id = listed.class_id;
    let mut captions = listed.captions.clone();
    if let Some(json) = &listed.json {
        let found = described(json)?;
        class_id = class_id.or(found.class_id);
        captions.extend(found.captions);
    }
    if let Some(class) = &listed.class {
        class_id = class_file(&class.read()?)?.or(class_id);
    }
    if let Some(text) = &listed.text {
        let text = text::decode(&text.read()?).map_err(|error| format!("txt: {error}"))?;
        captions.extend(text.lines().map(str::to_string));
    }
    captions.retain(|caption| !tokenize(caption).is_empty());
    if captions.is_empty() {
        let written = listed.text.is_some() || listed.json.is_some() || !listed.captions.is_empty();
        let message = if written { "there is no caption with a word in it" } else { "there is no caption" };
        return Err(message.into());
    }
    Ok(Sample::new(&*listed.key, image, captions, class_id))
}

/// The class of a sample, where it has one, without its picture.
pub(super) fn class_of(listed: &Listed) -> Result<Option<usize>, String> {
    if let Some(class) = &listed.class
        && let Some(class) = class_file(&class.read()?)?
    {
        return Ok(Some(class));
    }
    let of_json = |json: &Blob| -> Result<_, String> { Ok(described(json)?.class_id) };
    Ok(listed.class_id.or(listed.json.as_ref().map(of_json).transpose()?.flatten()))
}

fn class_file(bytes: &[u8]) -> Result<Option<usize>, String> {
    let text = text::decode(bytes).map_err(|error| format!("cls: {error}"))?;
    description::class_of_text(&text).map_err(|()| format!("cls: {:?} is no class number", text.trim()))
}

fn described(json: &Blob) -> Result<Description, String> {
    description::parse(&json.read()?).and_then(|value| Description::of(&value)).map_err(|error| format!("json: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::data::{DataOptions, Dataset, Split};

    #[test]
    fn sidecars_are_read_as_people_write_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
        let mut add = |name: &str, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, content).unwrap();
        };
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_pixel(8, 8, image::Rgb([9; 3])).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let jsons = [
            ("{\"captions\": \"one\", \"class_id\": \"3\", \"similarity\": NaN}", Some(3)),
            ("\u{feff}{\"captions\": null, \"caption\": \"one\", \"class_id\": 3.0}", Some(3)),
            ("{\"captions\": [\"one\"], \"class_id\": -1}", None),
        ];
        for (i, (json, _)) in jsons.iter().enumerate() {
            add(&format!("{i}.png"), png.get_ref());
            add(&format!("{i}.json"), json.as_bytes());
        }
        add("9.png", png.get_ref());
        add("9.json", b"{\"caption\": \"one\", \"class_id\": \"rose\"}");
        builder.finish().unwrap();
        let dataset = Dataset::open(&[path], Split::Train, &DataOptions { size: 8, ..Default::default() }).unwrap();
        let found: Vec<_> = dataset.samples.iter().map(|sample| (sample.captions.concat(), sample.class_id)).collect();
        assert_eq!(found, jsons.map(|(_, class)| ("one".to_string(), class)));
        assert_eq!(dataset.skipped, ["a.tar: 9: json: class_id is \"rose\"; expected a whole number"]);
    }
}
