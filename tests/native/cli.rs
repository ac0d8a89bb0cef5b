//! The command as a user calls it: the whole path on the drawings, and what it says about wrong input.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn mirrorgan(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mirrorgan")).current_dir(folder).args(arguments).output().unwrap()
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = mirrorgan(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Fails with `code`, and says each of `parts`; a panic is no message.
fn fails(folder: &Path, code: i32, parts: &[&str], arguments: &[&str]) {
    let output = mirrorgan(folder, arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    for part in parts {
        assert!(message.contains(part), "{arguments:?} should say {part:?}: {message}");
    }
}

const TRAIN: [&str; 10] = ["--data", "data", "--recipe", "tiny", "--out", "run", "--device", "cpu", "--set", "stem.epochs=2"];
const SHORT: [&str; 4] = ["--set", "stream.epochs=2", "--set", "gan.phases=[{stages=1,pictures=32,batch=16,trains=\"all\"}]"];

#[test]
fn from_data_to_pictures_and_every_wrong_turn() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    succeeds(folder, &["tiny-data", "--out", "data"]);
    let train = |part: &'static str| [&["train", part], &TRAIN[..], &SHORT[..]].concat();
    fails(folder, 2, &["train stem"], &train("gan"));
    for part in ["stem", "stream", "gan"] {
        succeeds(folder, &train(part));
    }
    fails(folder, 2, &["--resume"], &train("stem"));
    fails(folder, 2, &["epoch", "stem"], &[&train("stem")[..], &["--set", "stem.epoch=3"]].concat());
    fails(folder, 2, &["data.size is 64"], &[&train("stem")[..], &["--set", "gan.generator.stages=2"]].concat());
    fails(folder, 1, &["nowhere"], &["train", "stem", "--data", "nowhere", "--recipe", "tiny", "--out", "other", "--device", "cpu"]);

    let export = ["export", "--run", "run", "--out", "model", "--dtype", "f32", "--trained-on", "drawings"];
    succeeds(folder, &export);
    assert!(succeeds(folder, &["info", "model"]).contains("drawings"));

    // Refused before STEM learns.
    let start =
        |changes: [&'static str; 4]| [&["train", "all", "--data", "data", "--recipe", "tiny", "--out", "more"], &changes[..]].concat();
    fails(folder, 2, &["gan.generator.gf_dim is"], &start(["--set", "gan.start_from=model", "--set", "gan.generator.gf_dim=2"]));
    fails(folder, 1, &["nowhere"], &start(["--set", "gan.start_from=nowhere", "--device", "cpu"]));
    assert!(!folder.join("more").exists());

    let prompt = "a large red circle on a white ground";
    let generate = |seed: &'static str, out: &'static str| ["generate", prompt, "--model", "model", "--seed", seed, "--out", out];
    for (seed, out) in [("7", "a.png"), ("7", "b.png"), ("8", "c.png")] {
        succeeds(folder, &generate(seed, out));
    }
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(read("a.png"), read("b.png"), "one seed, one picture");
    assert_ne!(read("a.png"), read("c.png"), "another seed, another picture");
    succeeds(folder, &["generate", "a small blue square", "--model", "model", "--seed", "7", "--out", "d.png"]);
    assert_ne!(read("a.png"), read("d.png"), "another prompt, another picture");
    let json = succeeds(folder, &["generate", prompt, "--model", "model", "--count", "2", "--caption", "--json", "--out", "many"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["files"].as_array().unwrap().len(), 2);
    assert!(value["captions"][0]["text"].is_string());
    // The words are those of the file, to the last digit of their probability.
    for (file, caption) in value["files"].as_array().unwrap().iter().zip(value["captions"].as_array().unwrap()) {
        let said = succeeds(folder, &["caption", file.as_str().unwrap(), "--model", "model", "--json"]);
        assert_eq!(&serde_json::from_str::<serde_json::Value>(&said).unwrap()["caption"], caption);
    }

    // DAMSM's image head goes along with the model, and finds each word of a picture.
    assert!(fs::metadata(folder.join("model/damsm.safetensors")).unwrap().len() < 1_000_000);
    let said = succeeds(folder, &["match", "a.png", "--model", "model", "--text", prompt, "--json", "--out", "seen"]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(told["similarity"].is_number(), "{told}");
    assert_eq!(told["words"].as_array().unwrap().len(), fs::read_dir(folder.join("seen")).unwrap().count());
    assert!(succeeds(folder, &["caption", "a.png", "--model", "model"]).starts_with("a.png: "));

    evaluations(folder);
    wrong_input(folder);
    broken_models(folder);
}

/// A whole training in one call, which opens its report in whatever the system calls a browser.
#[cfg(target_os = "linux")]
#[test]
fn all_parts_in_one_call() {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    succeeds(folder, &["tiny-data", "--out", "data"]);
    let bin = folder.join("bin");
    fs::create_dir(&bin).unwrap();
    let browser = bin.join("xdg-open");
    fs::write(&browser, format!("#!/bin/sh\necho \"$1\" > '{}'\n", folder.join("opened").display())).unwrap();
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
    let train = [&["train", "all", "--open"], &TRAIN[..], &SHORT[..]].concat();
    let call = |path: &std::ffi::OsStr, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
        let output = command.current_dir(folder).env("PATH", path).args(&train).args(more).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = call(bin.as_os_str(), &[]);
    assert_eq!(code, Some(0), "{said}");
    let parts = ["training STEM", "training STREAM", "training the generator", "report.html"].map(|part| said.find(part).expect(part));
    assert!(parts.is_sorted(), "{said}");
    // The browser is not waited for.
    let opened = (0..600).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::read_to_string(folder.join("opened")).ok().filter(|text| text.ends_with('\n'))
    });
    assert!(opened.expect("a browser was started").contains("run/report.html"));

    let (code, said) = call(bin.as_os_str(), &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--resume"), "{said}");
    // Nothing is left to do, and no browser: a warning is enough.
    let steps = |part: &str| fs::read_to_string(folder.join("run").join(part).join("log.jsonl")).unwrap();
    let before = ["stem", "stream", "gan"].map(steps);
    let (code, said) = call("".as_ref(), &["--resume"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("could not be opened"), "{said}");
    assert_eq!(["stem", "stream", "gan"].map(steps), before);
}

fn evaluations(folder: &Path) {
    let evaluate = ["evaluate", "--model", "model", "--data", "data", "--device", "cpu", "--limit", "12"];
    let with = |more: &[&'static str]| [&evaluate[..], more].concat();
    let table = succeeds(folder, &with(&["--run", "run", "--json", "all.json"]));
    for part in
        ["captions.bleu_4", "fd-efficientnet-lite0", ".generated", ".real", "bootstrap", "jackknife", "left out: fid:", "--inception"]
    {
        // Twelve pictures are too few for the jackknife of a Fréchet distance.
        assert_eq!(table.contains(part), part != "jackknife", "{part}: {table}");
    }
    assert!(table.contains("weights were chosen by the R-precision of photographs of the test part"), "{table}");
    let value: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("all.json")).unwrap()).unwrap();
    assert_eq!((&value["pictures"], &value["seed"], &value["split"]), (&12.into(), &0.into(), &"test".into()));
    assert!(value["figures"].as_array().unwrap().iter().all(|figure| figure["n"].as_u64() > Some(0) && figure["protocol"].is_string()));
    let again = succeeds(folder, &with(&["--run", "run", "--json", "-"]));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again).unwrap(), value, "one seed, one evaluation");

    fails(folder, 2, &["--inception", "pt_inception-2015-12-05", "pytorch-fid"], &with(&["--metrics", "fid"]));
    fails(folder, 2, &["--run"], &with(&["--metrics", "r-precision"]));
    fails(folder, 2, &["--probe"], &with(&["--metrics", "colours"]));
    fails(folder, 2, &["--metrics", "fidd"], &with(&["--metrics", "fidd"]));
    fails(folder, 1, &["nowhere.pth"], &with(&["--metrics", "fid", "--inception", "nowhere.pth"]));
    let other = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).display().to_string();
    let others = other("efficientnet_lite0_narrow.pth");
    fails(folder, 1, &["efficientnet_lite0_narrow.pth", "fc.weight is missing"], &[&evaluate[..], &["--inception", &others]].concat());
    let narrow = other("inception_v3_narrow.pth");
    fails(folder, 1, &["conv2d_1a_3x3.bias has shape [1]", "expected [32]"], &[&evaluate[..], &["--inception", &narrow]].concat());
    let limit = |count: &'static str| ["evaluate", "--model", "model", "--data", "data", "--limit", count];
    fails(folder, 2, &["--limit"], &limit("0"));
    fails(folder, 2, &["--limit"], &limit("1"));
    fails(folder, 2, &["--samples"], &with(&["--samples", "0"]));
    fails(folder, 2, &["--memory-gib", "expected a number of 0 or more"], &with(&["--memory-gib=-1"]));
    fails(folder, 2, &["distance", "at least 2"], &with(&["--metrics", "distance", "--samples", "1"]));
    succeeds(folder, &with(&["--metrics", "colours", "--probe", "birds"]));

    // The same model without STREAM.
    fs::create_dir(folder.join("mute")).unwrap();
    for entry in fs::read_dir(folder.join("model")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join("mute").join(entry.file_name())).unwrap();
    }
    let config = fs::read(folder.join("mute/config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    config.as_object_mut().unwrap().remove("stream");
    config.as_object_mut().unwrap().remove("matcher");
    config["files"].as_object_mut().unwrap().remove("stream.safetensors");
    fs::write(folder.join("mute/config.json"), config.to_string()).unwrap();
    let mute = ["evaluate", "--model", "mute", "--data", "data", "--device", "cpu", "--limit", "4"];
    fails(folder, 2, &["captions", "no STREAM"], &[&mute[..], &["--metrics", "captions"]].concat());
    fails(folder, 2, &["no image head"], &["match", "a.png", "--model", "mute", "--text", "a red circle"]);
    // Of its pictures as such there is something to be said.
    let table = succeeds(folder, &mute);
    assert!(
        table.contains("spectrum.64.peaks_2.largest.generated") && table.contains("left out: captions: this model has no STREAM"),
        "{table}"
    );
    judges(folder);
}

/// A training of its own judges the model, its own teacher does not, and only what was held back is a validation part.
fn judges(folder: &Path) {
    let judge = ["train", "stem", "--data", "data", "--recipe", "tiny", "--device", "cpu", "--set", "stem.epochs=1"];
    let changes = ["--out", "judge", "--set", "seed=7", "--set", "data.validation=0.2"];
    succeeds(folder, &[&judge[..], &changes[..]].concat());
    let evaluate = ["evaluate", "--model", "model", "--data", "data", "--device", "cpu", "--limit", "12", "--metrics"];
    let with = |more: &[&'static str]| [&evaluate[..], more].concat();
    let table = succeeds(folder, &with(&["judge,r-precision", "--run", "run", "--judge", "judge", "--json", "judged.json"]));
    for part in [
        "r_precision-damsm-efficientnet-lite0-width-0.25.generated",
        "r_precision-judge-efficientnet-lite0.generated",
        "r_precision-judge-efficientnet-lite0.real",
        "the DAMSM of judge, which the generator never learned from",
        "of photographs of the validation part of its training",
        "less independent",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let value: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("judged.json")).unwrap()).unwrap();
    assert_eq!((&value["judge"]["run"], &value["judge"]["encoder"]), (&"judge".into(), &"efficientnet-lite0".into()));
    let own = "r_precision-damsm-efficientnet-lite0-width-0.25.generated";
    let figures = value["figures"].as_array().unwrap();
    let alone = succeeds(folder, &with(&["r-precision", "--run", "run", "--json", "-"]));
    let alone: serde_json::Value = serde_json::from_str(&alone).unwrap();
    assert!(alone["judge"].is_null() && alone["figures"].as_array().unwrap().iter().all(|figure| figures.contains(figure)), "{own}");
    // Without the training that the model is of, too.
    assert!(succeeds(folder, &with(&["judge", "--judge", "judge"])).contains("r_precision-judge-"));

    fails(folder, 2, &["--judge RUN"], &with(&["judge"]));
    fails(folder, 2, &["taught the generator", "stem.encoder"], &with(&["judge", "--judge", "run"]));
    // It is refused even where other metrics are asked for.
    fails(folder, 2, &["taught the generator"], &with(&["captions", "--run", "run", "--judge", "run"]));
    fails(folder, 2, &["another training", "--judge"], &with(&["r-precision", "--run", "judge"]));
    fails(folder, 2, &["--run"], &with(&["captions", "--part", "validation"]));
    fails(folder, 2, &["held nothing back", "data.validation"], &with(&["captions", "--part", "validation", "--run", "run"]));
}

fn wrong_input(folder: &Path) {
    let generate = |prompt: &'static str| ["generate", prompt, "--model", "model", "--out", "no.png"];
    fails(folder, 2, &["no words"], &generate(""));
    fails(folder, 2, &["zeppelin"], &generate("zeppelin"));
    fails(folder, 2, &["count is 0"], &[&generate("red")[..], &["--count", "0"]].concat());
    fails(folder, 2, &["--seed"], &[&generate("red")[..], &["--seed", "many"]].concat());
    fails(folder, 1, &["nowhere"], &["generate", "red", "--model", "nowhere", "--out", "no.png"]);
    assert!(!folder.join("no.png").exists());
    fs::write(folder.join("text.png"), "no picture").unwrap();
    fails(folder, 1, &["text.png"], &["caption", "text.png", "--model", "model"]);
    fails(folder, 1, &["absent.png"], &["caption", "absent.png", "--model", "model"]);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(32, 32, |x, y| image::Rgb([8 * x as u8, 8 * y as u8, 7]))
        .write_to(&mut jpeg, image::ImageFormat::Jpeg)
        .unwrap();
    let jpeg = jpeg.into_inner();
    // What a training refuses.
    for end in [jpeg.len() * 15 / 100, jpeg.len() / 2, jpeg.len() - 20, jpeg.len() - 1] {
        fs::write(folder.join("cut.jpg"), &jpeg[..end]).unwrap();
        fails(folder, 1, &["cut.jpg: is a jpg that ends early"], &["caption", "cut.jpg", "--model", "model"]);
    }
    fs::write(folder.join("hostile.pth"), b"\x80\x02cos\nsystem\nX\x0c\x00\x00\x00touch hackedq\x00\x85R.").unwrap();
    fails(folder, 1, &["hostile.pth"], &["import", "efficientnet-lite0", "hostile.pth", "--out", "imported"]);
    assert!(!folder.join("hacked").exists() && !folder.join("imported").exists());
}

fn broken_models(folder: &Path) {
    let model = folder.join("model");
    // What describes is not read by what only draws.
    let generate = ["generate", "red", "--model", "model", "--caption", "--out", "no.png"];
    for name in ["stem.safetensors", "glam.safetensors", "stream.safetensors", "vocab.txt"] {
        let file = model.join(name);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        fails(folder, 1, &[name, "expected"], &generate);
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&file, &changed).unwrap();
        fails(folder, 1, &[name, "sha-256"], &generate);
        fs::remove_file(&file).unwrap();
        fails(folder, 1, &[name], &generate);
        fs::write(&file, &whole).unwrap();
    }
    fs::write(model.join("config.json"), "{}").unwrap();
    fails(folder, 1, &["config.json"], &generate);
    assert!(!folder.join("no.png").exists());
}
