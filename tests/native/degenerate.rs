//! Data in which there is nothing to tell apart, and data that change under a training.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use mirrorgan::Error;
use mirrorgan::train::{TrainContext, TrainError, gan, stem, stream};
use mirrorgan::watch::{Event, Watcher};
use serde_json::Value;

use crate::tiny::{context, log};

const SHORT: [&str; 6] = [
    "stem.epochs=2",
    "stem.batch=4",
    "stream.epochs=1",
    "stream.batch=4",
    "gan.generator.gf_dim=2",
    "gan.phases=[{stages=1,pictures=16,batch=4,trains=\"all\"}]",
];

/// Remembers warnings, and stops at the question that it is told.
#[derive(Debug, Default)]
struct Heard {
    warnings: Mutex<Vec<String>>,
    stop: Mutex<Option<usize>>,
}

impl Heard {
    fn stopping(questions: usize) -> Arc<Self> {
        Arc::new(Self { stop: Mutex::new(Some(questions)), ..Self::default() })
    }

    fn has(&self, part: &str) -> bool {
        self.warnings.lock().unwrap().iter().any(|warning| warning.contains(part))
    }
}

impl Watcher for Heard {
    fn tell(&self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            self.warnings.lock().unwrap().push(text.to_string());
        }
    }

    fn stop(&self) -> bool {
        let mut stop = self.stop.lock().unwrap();
        *stop = stop.map(|left| left.saturating_sub(1));
        *stop == Some(0)
    }
}

/// A caption and a class.
type Said = (String, Option<usize>);

/// What is changed, and what is said by then.
type Edit = (&'static str, fn(usize) -> Said);

/// A folder of pictures of one colour each, the same ones for training and for testing, with caption and class as `of` gives them for a number.
fn write(data: &Path, pictures: usize, of: impl Fn(usize) -> Said) {
    for split in ["train", "test"] {
        let folder = data.join(split);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..pictures {
            let (caption, class) = of(i);
            let colour = image::Rgb([(i * 37 % 256) as u8, (i * 91 % 256) as u8, (i * 53 % 256) as u8]);
            image::RgbImage::from_pixel(64, 64, colour).save(folder.join(format!("{i:02}.png"))).unwrap();
            let json = serde_json::json!({ "captions": [caption], "class_id": class });
            fs::write(folder.join(format!("{i:02}.json")), json.to_string()).unwrap();
        }
    }
}

const WORDS: [&str; 12] = ["red", "green", "blue", "black", "white", "round", "square", "large", "small", "thin", "bright", "dark"];

fn own(i: usize) -> String {
    format!("a {} thing", WORDS[i % 12])
}

fn original(i: usize) -> Said {
    (own(i), Some(i))
}

fn on(folder: &Path, out: &str, data: &str, changes: &[&str]) -> (TrainContext, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let context = context(folder, out, &[&SHORT[..], changes].concat());
    (TrainContext { data: vec![folder.join(data)], watcher: heard.clone(), ..context }, heard)
}

#[test]
fn one_class_counts_as_none_and_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("one"), 12, |i| (own(i), Some(3)));
    write(&folder.path().join("none"), 12, |i| (own(i), None));
    let run = |data: &str, changes: &[&str]| {
        let (context, heard) = on(folder.path(), &format!("run-{data}"), data, changes);
        stem::run(&context).unwrap();
        stream::run(&context).unwrap();
        gan::run(&context).unwrap();
        (context, heard)
    };
    let measured = ["stem.test_every=1", "gan.measure_every=8", "gan.measure_pictures=12"];
    let ((one, heard), (none, silent)) = (run("one", &measured), run("none", &measured));
    assert!(heard.has("all pictures are of one class") && !silent.has("class"), "{heard:?} {silent:?}");
    let numbers = |context: &TrainContext, kind: &str, name: &str| {
        log(context, kind).iter().filter_map(|line| line[name].as_f64()).collect::<Vec<_>>()
    };
    // The mask does not take every pair away: what is learned is what is learned without classes.
    for (kind, name) in [("stem", "loss"), ("stem", "r_precision"), ("gan", "damsm"), ("gan", "r_precision")] {
        let found = numbers(&one, kind, name);
        assert_eq!(found, numbers(&none, kind, name), "{kind} {name}");
        assert!(!found.is_empty() && (name == "r_precision" || found.iter().all(|loss| *loss > 0.1)), "{kind} {name}: {found:?}");
    }
    // What R-precision was measured among, in both logs, and that it is less than the protocol has.
    for kind in ["stem", "gan"] {
        let against: Vec<Value> = log(&one, kind).iter().filter_map(|line| line.get("against").cloned()).collect();
        assert_eq!(against.len(), 2, "{kind}");
        for against in against {
            assert_eq!(against["r_precision"]["candidates"], 12, "{kind}: {against}");
            assert!((against["r_precision"]["chance"].as_f64().unwrap() - 1.0 / 12.0).abs() < 1e-9);
        }
    }
    assert_eq!(log(&one, "gan").iter().find_map(|line| line["against"]["kernel_distance"]["drawn"].as_u64()), Some(12));
    assert_eq!(log(&one, "stream")[0]["against"]["bleu_4"], serde_json::json!({ "pictures": 12, "captions": 12 }));
    assert!(heard.has("among 12 captions, not 100"), "{heard:?}");

    // The command measures by the same rule, and says so.
    let mirrorgan =
        |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_mirrorgan")).current_dir(folder.path()).args(arguments).output().unwrap();
    let export = mirrorgan(&["export", "--run", "run-one", "--out", "model", "--trained-on", "one class"]);
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    let evaluate =
        ["evaluate", "--model", "model", "--run", "run-one", "--metrics", "r-precision", "--device", "cpu", "--json", "-", "--data"];
    let output = mirrorgan(&[&evaluate[..], &["one"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("warning: R-precision of real pictures: among 12 captions, not 100: chance is 0.0833"), "{said}");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = value["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 3);
    for figure in figures {
        assert_eq!((&figure["references"], &figure["n"]), (&12.into(), &12.into()), "{figure}");
    }
    assert!((figures[2]["value"].as_f64().unwrap() - 1.0 / 12.0).abs() < 1e-9 && figures[2]["name"].as_str().unwrap().ends_with(".chance"));
    assert!(figures[0]["protocol"].as_str().unwrap().contains("among 12 captions, chance 0.0833"), "{}", figures[0]);
    // Captions that are all the same have no rivals at all.
    write(&folder.path().join("same"), 12, |i| ("a red thing".into(), Some(i)));
    let output = mirrorgan(&[&evaluate[..], &["same"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("r-precision: no test picture has a caption"), "{said}");
}

#[test]
fn data_in_which_nothing_differs_are_refused_by_every_part() {
    let folder = tempfile::tempdir().unwrap();
    let (good, _) = on(folder.path(), "run", "good", &[]);
    write(&folder.path().join("good"), 12, |i| (own(i), None));
    write(&folder.path().join("same"), 12, |i| ("a red thing".into(), Some(i)));
    write(&folder.path().join("rare"), 12, |i| (format!("a thing {}", (b'b' + i as u8) as char), Some(i)));
    write(&folder.path().join("alone"), 1, |i| (own(i), None));
    stem::run(&good).unwrap();
    stream::run(&good).unwrap();
    type Part = (&'static str, fn(&TrainContext) -> Result<(), TrainError>);
    let parts: [Part; 3] = [("stem", stem::run), ("stream", stream::run), ("gan", gan::run)];
    for (data, changes, part) in [
        ("same", &[][..], "captions for training are the same words"),
        ("rare", &["data.min_word_count=2"], "captions for training are the same words"),
        ("alone", &[], "1 usable picture"),
    ] {
        for (kind, run) in parts {
            // STREAM and the generator stand on a STEM that learned from other data.
            let out = if kind == "stem" { format!("stem-{data}") } else { "run".into() };
            let (context, _) = on(folder.path(), &out, data, changes);
            if kind == "stream" {
                fs::remove_dir_all(context.out.join("stream/checkpoints")).unwrap();
            }
            let error = run(&context).unwrap_err();
            let named = matches!(&error, TrainError::Library(Error::BadData { message, .. }) if message.contains(part));
            // The generator counts its pictures first, and words that STEM does not know leave no sample.
            let known = kind != "stem" && error.to_string().contains("none of its captions has a word");
            let few = kind == "gan" && data == "alone" && error.to_string().contains("needs 2 or more");
            assert!(named || known || few, "{data} {kind}: {error}");
            assert!(!context.out.join(kind).join("checkpoints").exists(), "{data} {kind}");
            if kind == "stream" {
                stream::run(&good).unwrap();
            }
        }
    }
}

#[test]
fn batches_without_a_wrong_pair_are_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    // One of twelve is of another class: of six batches of two, five at least have nothing to tell apart.
    write(&folder.path().join("data2"), 12, |i| (own(i), Some(usize::from(i == 7))));
    let changes = ["stem.batch=2", "gan.phases=[{stages=1,pictures=24,batch=2,trains=\"all\",weights={consistency=1.0}}]"];
    let (context, heard) = on(folder.path(), "run", "data2", &changes);
    stem::run(&context).unwrap();
    assert!(heard.has("DAMSM has nothing to tell apart"), "{heard:?}");
    for line in log(&context, "stem") {
        assert_eq!(line["idle_batches"], 5, "{line}");
        assert!(line["loss"].as_f64().unwrap() > 0.0, "one batch has");
    }
    stream::run(&context).unwrap();
    gan::run(&context).unwrap();
    assert!(heard.has("damsm has nothing to learn from") && heard.has("weight of consistency"), "{heard:?}");
    assert_eq!(heard.warnings.lock().unwrap().iter().filter(|warning| warning.contains("damsm has nothing")).count(), 1, "said once");
    for line in log(&context, "gan") {
        let idle = line.get("idle").is_some_and(|idle| *idle == serde_json::json!(["damsm"]));
        assert_eq!(idle, line["damsm"].as_f64().unwrap().abs() < 1e-6, "{line}");
    }
    assert!(log(&context, "gan").iter().filter(|line| line.get("idle").is_some()).count() >= 10);
}

/// Two by two the same caption: a sentence is not wrong beside the other's picture.
#[test]
fn a_batch_with_one_caption_has_no_wrong_sentence() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("data2"), 12, |i| (own(usize::from(i == 7)), Some(i)));
    let (context, heard) = on(folder.path(), "run", "data2", &["gan.phases=[{stages=1,pictures=24,batch=2,trains=\"all\"}]"]);
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    gan::run(&context).unwrap();
    assert!(heard.has("conditional has nothing to learn from") && heard.has("damsm has nothing to learn from"), "{heard:?}");
    let idle = |line: &Value| line.get("idle").is_some_and(|idle| *idle == serde_json::json!(["conditional", "damsm"]));
    assert_eq!(log(&context, "gan").iter().filter(|line| idle(line)).count(), 10, "all but one of six, twice");
}

#[test]
fn a_training_goes_on_with_its_own_captions_and_classes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data2");
    write(&data, 12, original);
    type Part = (&'static str, fn(&TrainContext) -> Result<(), TrainError>, usize);
    // The features' computation asks whether to stop, too.
    let parts: [Part; 3] = [("stem", stem::run, 1_000), ("stream", stream::run, 1_000), ("gan", gan::run, 2)];
    for (kind, run, questions) in parts {
        let (context, _) = on(folder.path(), "run", "data2", &[]);
        let begun = TrainContext { watcher: Heard::stopping(questions), ..context.clone() };
        match run(&begun) {
            Ok(()) => assert!(kind != "gan"),
            Err(error) => assert!(matches!(error, TrainError::Library(Error::Interrupted)), "{kind}: {error}"),
        }
        let resumed = TrainContext { resume: true, ..context.clone() };
        let edits: [Edit; 3] = [
            ("a new word", |i| if i == 4 { ("a violet thing".into(), Some(i)) } else { original(i) }),
            ("another order", |i| if i == 4 { ("a thing white".into(), Some(i)) } else { original(i) }),
            ("another class", |i| (own(i), Some(if i == 4 { 5 } else { i }))),
        ];
        for (edit, of) in edits {
            write(&data, 12, of);
            let before = fs::read(context.out.join(kind).join("log.jsonl")).unwrap();
            let error = run(&resumed).unwrap_err();
            let refused = matches!(&error, TrainError::Library(Error::BadCheckpoint { message, .. }) if message.contains("other captions or classes"));
            assert!(refused, "{kind}, {edit}: {error}");
            assert_eq!(fs::read(context.out.join(kind).join("log.jsonl")).unwrap(), before);
        }
        // What is not words is no other caption.
        write(&data, 12, |i| (format!("A {},  thing.", WORDS[i % 12]), Some(i)));
        run(&resumed).unwrap();
        write(&data, 12, original);
    }
    // A part that has not begun is told that STEM heard other words.
    write(&data, 12, |i| if i == 4 { ("a violet thing".into(), Some(i)) } else { original(i) });
    let (context, heard) = on(folder.path(), "run", "data2", &[]);
    fs::remove_dir_all(context.out.join("gan")).unwrap();
    gan::run(&context).unwrap();
    assert!(heard.has("STEM was trained with other captions"), "{heard:?}");
}
