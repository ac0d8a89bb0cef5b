//! Where the command's output may go: pictures by the ending of their name, pipes, devices, links, descriptors, readers that have gone; and what
//! is said about folders of another kind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v0.1.0/model")
}

const PROMPT: &str = "this flower has pink petals";

fn mirrorgan(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
    command.current_dir(folder).args(arguments);
    command
}

fn generate(folder: &Path, more: &[&str]) -> Command {
    let mut command = mirrorgan(folder, &["generate", PROMPT, "--seed", "7", "--model"]);
    command.arg(model()).args(more);
    command
}

/// The code, standard error; a panic is never an answer.
fn told(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked") && output.status.code() != Some(101), "{said}");
    (output.status.code(), said)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn pictures_are_what_their_names_say() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    for (name, format) in [
        ("a.png", image::ImageFormat::Png),
        ("b.jpg", image::ImageFormat::Jpeg),
        ("c.JPEG", image::ImageFormat::Jpeg),
        ("d/e.webp", image::ImageFormat::WebP),
    ] {
        assert_eq!(told(&generate(folder, &["--out", name]).output().unwrap()).0, Some(0), "{name}");
        let bytes = fs::read(folder.join(name)).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), format, "{name}");
        assert_eq!(image::load_from_memory(&bytes).unwrap().width(), 256, "{name}");
    }
    for name in ["f.gif", "f.tiff", "f.txt"] {
        let (code, said) = told(&generate(folder, &["--out", name]).output().unwrap());
        assert!(code == Some(2) && said.contains(".webp") && !folder.join(name).exists(), "{name}: {said}");
    }
    assert_eq!(told(&generate(folder, &["--out", "g", "--count", "2"]).output().unwrap()).0, Some(0));
    assert_eq!(names(&folder.join("g")), ["00.png", "01.png"]);

    // What each was drawn from.
    let texts = |name: &str| {
        let reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(folder.join(name)).unwrap())).read_info().unwrap();
        reader.info().utf8_text.iter().map(|text| (text.keyword.clone(), text.get_text().unwrap())).collect::<Vec<_>>()
    };
    let config: Value = serde_json::from_slice(&fs::read(model().join("config.json")).unwrap()).unwrap();
    let weights = &config["files"]["glam.safetensors"]["sha256"].as_str().unwrap()[..12];
    for name in ["a.png", "g/00.png"] {
        let found = texts(name);
        assert_eq!(found[0], ("Title".to_string(), PROMPT.to_string()));
        assert_eq!(found[1], ("Software".to_string(), format!("MirrorGAN {}", env!("CARGO_PKG_VERSION"))));
        assert_eq!(found[2].0, "mirrorgan");
        let expected = serde_json::json!({
            "prompt": PROMPT, "seed": 7, "model": "model", "weights": weights, "version": env!("CARGO_PKG_VERSION"),
        });
        assert_eq!(serde_json::from_str::<Value>(&found[2].1).unwrap(), expected, "{name}");
    }
    let second = texts("g/01.png");
    assert_eq!(second[2].0, "mirrorgan-picture", "it cannot be drawn by prompt and seed alone");
    assert_eq!(serde_json::from_str::<Value>(&second[2].1).unwrap()["picture"], 1);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_regular_file_is_written_to() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let is_png = |bytes: &[u8]| image::guess_format(bytes).unwrap() == image::ImageFormat::Png && image::load_from_memory(bytes).is_ok();

    // A link, also one that leads nowhere yet.
    fs::create_dir(folder.join("there")).unwrap();
    symlink("there/a.png", folder.join("link.png")).unwrap();
    for _ in 0..2 {
        assert_eq!(told(&generate(folder, &["--out", "link.png"]).output().unwrap()).0, Some(0));
        assert!(folder.join("link.png").is_symlink() && is_png(&fs::read(folder.join("there/a.png")).unwrap()));
    }
    // Standard output: a pipe, and a file that goes on where it is.
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let output = generate(folder, &["--out", name]).output().unwrap();
        assert!(told(&output).0 == Some(0) && is_png(&output.stdout), "{name}");
        assert!(fs::symlink_metadata("/dev/stdout").unwrap().is_symlink());
    }
    let mut file = fs::File::create(folder.join("out")).unwrap();
    std::io::Write::write_all(&mut file, b"before").unwrap();
    let status = generate(folder, &["--out", "/dev/stdout"]).stdout(file.try_clone().unwrap()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    let bytes = fs::read(folder.join("out")).unwrap();
    assert!(bytes.starts_with(b"before") && is_png(&bytes[6..]));
    // A pipe with a name.
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    assert_eq!(told(&generate(folder, &["--out", "pipe"]).output().unwrap()).0, Some(0));
    assert!(is_png(&reader.join().unwrap()) && fs::metadata(&pipe).unwrap().file_type().is_fifo());
    // Devices.
    assert_eq!(told(&generate(folder, &["--out", "/dev/null"]).output().unwrap()).0, Some(0));
    let (code, said) = told(&generate(folder, &["--out", "/dev/full"]).output().unwrap());
    assert!(code == Some(1) && said.contains("/dev/full"), "{said}");
    assert!(["/dev/null", "/dev/full"].iter().all(|name| fs::metadata(name).unwrap().file_type().is_char_device()));
    assert_eq!(names(folder), ["link.png", "out", "pipe", "there"]);

    // The figures of an evaluation go the same way.
    assert_eq!(told(&mirrorgan(folder, &["tiny-data", "--out", "data"]).output().unwrap()).0, Some(0));
    symlink("there/all.json", folder.join("all.json")).unwrap();
    for name in ["/dev/stdout", "all.json", "/dev/null"] {
        let mut command = mirrorgan(
            folder,
            &["evaluate", "--data", "data", "--limit", "4", "--metrics", "captions", "--device", "cpu", "--json", name, "--model"],
        );
        let output = command.arg(model()).output().unwrap();
        let (code, said) = told(&output);
        assert_eq!(code, Some(0), "{name}: {said}");
        if name == "/dev/stdout" {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.starts_with("figure") && text.contains("\"split\": \"test\""), "{text}");
        }
    }
    assert!(folder.join("all.json").is_symlink() && folder.join("there/all.json").is_file());
}

/// Commands that print, in all ways.
fn printing() -> Vec<Vec<String>> {
    let model = model().display().to_string();
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v0.1.0/64.png").display().to_string();
    [
        vec!["--help"],
        vec!["--version"],
        vec!["train", "all", "--help"],
        vec!["info", &model],
        vec!["info", "--json", &model],
        vec!["caption", &picture, &picture, "--model", &model],
        vec!["caption", &picture, "--json", "--model", &model],
        vec!["generate", PROMPT, "--caption", "--model", &model, "--out", "x.png"],
        vec!["generate", PROMPT, "--json", "--model", &model, "--out", "x.png"],
    ]
    .into_iter()
    .map(|arguments| arguments.into_iter().map(str::to_string).collect())
    .collect()
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    for arguments in printing() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
        command.current_dir(place.path()).args(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let (code, said) = told(&child.wait_with_output().unwrap());
        assert!(code == Some(0) && !said.contains("error"), "{arguments:?}: {said}");
        // Nor does anything end because nobody reads how it goes.
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
    // What went wrong stays wrong.
    let mut command = mirrorgan(place.path(), &["caption", "nowhere.png", "--model"]);
    let mut child = command.arg(model()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error_for_what_is_printed_and_none_for_how_it_goes() {
    let place = tempfile::tempdir().unwrap();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in printing() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
        command.current_dir(place.path()).args(&arguments);
        let (code, said) = told(&command.stdout(full()).output().unwrap());
        assert!(code == Some(1) && said.contains("standard output"), "{arguments:?}: {said}");
        let output = command.stdout(Stdio::piped()).stderr(full()).output().unwrap();
        assert!(output.status.code() == Some(0), "{arguments:?}");
    }
    // A training with nobody to tell is a training.
    assert_eq!(told(&mirrorgan(place.path(), &["tiny-data", "--out", "data"]).stderr(full()).output().unwrap()).0, Some(0));
    let train = ["train", "stem", "--data", "data", "--recipe", "tiny", "--out", "run", "--device", "cpu", "--set", "stem.epochs=1"];
    assert_eq!(mirrorgan(place.path(), &train).stderr(full()).status().unwrap().code(), Some(0));
    assert!(place.path().join("run/stem/report.html").is_file());
}

#[test]
fn folders_of_another_kind_are_named_with_the_way_out() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let run = |arguments: &[&str]| told(&mirrorgan(folder, arguments).output().unwrap());
    assert_eq!(run(&["tiny-data", "--out", "data"]).0, Some(0));
    let train = ["train", "stem", "--data", "data", "--recipe", "tiny", "--out", "run", "--device", "cpu", "--set", "stem.epochs=1"];
    assert_eq!(run(&train).0, Some(0));
    let checkpoint = fs::read_dir(folder.join("run/stem/checkpoints")).unwrap().next().unwrap().unwrap().path().display().to_string();
    for training in ["run", "run/stem", &checkpoint] {
        for arguments in [
            &["generate", PROMPT, "--out", "x.png", "--model", training][..],
            &["caption", "x.png", "--model", training],
            &["evaluate", "--data", "data", "--model", training],
            &["info", training],
        ] {
            let (code, said) = run(arguments);
            assert!(
                code == Some(2) && said.contains("the folder of a training") && said.contains("mirrorgan export"),
                "{arguments:?}: {said}"
            );
        }
    }
    let model = model().display().to_string();
    let (code, said) = run(&["export", "--run", &model, "--out", "m", "--trained-on", "x"]);
    assert!(code == Some(2) && said.contains("it is a model folder"), "{said}");
    let (code, said) = run(&["generate", PROMPT, "--out", "x.png", "--model", "data"]);
    assert!(code == Some(2) && said.contains("no model folder") && !said.contains("export"), "{said}");

    // Words that are all too rare are the recipe's fault, and no file's.
    let rare = [&train[..7], &["other", "--set", "data.min_word_count=1000"]].concat();
    let (code, said) = run(&rare);
    assert!(code == Some(2) && said.contains("min_word_count") && said.contains("\"a\"") && !said.contains("vocab.txt"), "{said}");
    // What a pattern did not match is named.
    let (code, said) = run(&["train", "stem", "--data", "data/flowers", "--recipe", "tiny", "--out", "other"]);
    assert!(
        code == Some(1) && said.contains("data/flowers: ") && said.contains("no shard") && !said.contains("entity not found"),
        "{said}"
    );
    // What a file holds does nothing to a terminal.
    fs::create_dir(folder.join("junk")).unwrap();
    fs::write(folder.join("junk/a-train-000.tar"), [&b"\x1b[2J\x07\x9b\x1f\x8b"[..], &[0x9b; 2000]].concat()).unwrap();
    let output = mirrorgan(folder, &["train", "stem", "--data", "junk", "--recipe", "tiny", "--out", "other"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("a-train-000.tar") && said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    // A file without a byte is named once.
    fs::create_dir(folder.join("empty")).unwrap();
    for i in 0..3 {
        fs::write(folder.join(format!("empty/{i}.png")), "").unwrap();
        fs::write(folder.join(format!("empty/{i}.txt")), "a red thing").unwrap();
    }
    let (code, said) = run(&["train", "stem", "--data", "empty", "--recipe", "tiny", "--out", "other", "--device", "cpu"]);
    assert_eq!((code, said.matches("0 bytes").count()), (Some(1), 1), "{said}");
    assert!(!folder.join("other/.lock").exists());
}
