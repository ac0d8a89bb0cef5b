//! An unfinished run of version 0.1.0, gone on with by this one.
//!
//! `tests/fixtures/v0.1.0/run` was begun by that version's command on the drawings of `tiny-data`, each part stopped by Ctrl-C; what its own
//! `--resume` made of a copy is in `finished.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use mirrorgan::train::{Recipe, TrainContext, TrainError, gan, stem, stream};
use mirrorgan::watch::Unwatched;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::tiny::values;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v0.1.0").join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The newest checkpoint of a part.
fn newest(run: &Path, kind: &str) -> PathBuf {
    let mut all: Vec<_> = fs::read_dir(run.join(kind).join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all.pop().unwrap()
}

/// SHA-256 of all weights of a network, in the order of its fields, as little-endian bits.
fn weights(run: &Path, kind: &str, recipe: &Recipe) -> String {
    let device = Device::flex();
    let bits = match kind {
        "stem" => values(&stem::load_checkpoint(&newest(run, kind), &device).unwrap().model),
        "stream" => values(&stream::load_checkpoint(&newest(run, kind), &device).unwrap().1),
        _ => values(&gan::load(run, &recipe.gan.generator, recipe.gan.generator.stages, &device).unwrap()),
    };
    format!("{:x}", Sha256::digest(bits.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Whether numbers are those of the processor that the old version ran on: others add up in another order.
fn same_processor() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Numbers as near as another processor's, or the same to the bit.
fn compare(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{place}");
            for (key, value) in found {
                compare(value, &expected[key], &format!("{place}.{key}"));
            }
        }
        // Kept as text since, so that it comes back to the bit; the old one's number is read to within one unit in its last place.
        (Value::String(found), Value::Number(expected)) => {
            let (found, expected) = (found.parse::<f64>().unwrap(), expected.as_f64().unwrap());
            let allowed = if same_processor() { f64::EPSILON } else { 0.02 };
            assert!((found - expected).abs() <= allowed * (1.0 + expected.abs()), "{place}: {found} {expected}");
        }
        (Value::Number(found), Value::Number(expected)) if !same_processor() => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() <= 0.02 * (1.0 + expected.abs()), "{place}: {found} {expected}");
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}

#[test]
fn a_run_of_version_0_1_0_goes_on_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    mirrorgan::data::tiny::write(&data).unwrap();
    copy(&fixture("run"), &out);
    let finished = json(&fixture("finished.json"));
    type Part = (&'static str, fn(&TrainContext) -> Result<(), TrainError>);
    // The generator first: it was begun on STEM and STREAM as they were then.
    let parts: [Part; 3] = [("gan", gan::run), ("stem", stem::run), ("stream", stream::run)];
    for (kind, run) in parts {
        let expected = &finished[kind];
        let recipe = Recipe::load(&out.join(kind).join("recipe.toml").display().to_string(), &[]).unwrap();
        let before = fs::read_to_string(out.join(kind).join("log.jsonl")).unwrap();
        let context = TrainContext {
            recipe: recipe.clone(),
            recipe_source: None,
            data: vec![data.clone()],
            out: out.clone(),
            resume: true,
            device: Device::flex(),
            devices: Vec::new(),
            encoders: Vec::new(),
            watcher: Arc::new(Unwatched),
            deadline: None,
        };
        run(&context).unwrap();

        let log = fs::read_to_string(out.join(kind).join("log.jsonl")).unwrap();
        let added = log.strip_prefix(&before).expect("what was logged stays as it was");
        let lines: Vec<Value> = added.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(Some(lines.len()), expected["log"].as_array().map(Vec::len), "{kind}");
        for (line, expected) in lines.into_iter().zip(expected["log"].as_array().unwrap()) {
            let mut line = line;
            let fields = line.as_object_mut().unwrap();
            fields.remove("pictures_per_second");
            fields.remove("data_seconds");
            // What there was no word for.
            fields.remove("against");
            compare(&line, expected, kind);
        }
        let checkpoint = newest(&out, kind);
        assert_eq!(checkpoint.file_name().unwrap().to_str(), expected["checkpoint"].as_str());
        let mut state = json(&checkpoint.join("state.json"));
        // What there was no word for.
        state["extra"].as_object_mut().unwrap().remove("seconds");
        compare(&state["extra"], &expected["extra"], kind);
        assert_eq!(state["position"], expected["position"], "{kind}");
        assert_eq!(state["parts"].as_object().unwrap().keys().collect::<Vec<_>>(), parts_of(expected), "{kind}");
        if same_processor() {
            // Networks carry burn's random parameter numbers: their values are compared.
            for (part, hash) in state["parts"].as_object().unwrap().iter().filter(|(part, _)| part.contains("adam")) {
                assert_eq!(hash, &expected["parts"][part], "{kind}/{part}");
            }
            assert_eq!(Some(weights(&out, kind, &recipe).as_str()), expected["weights"].as_str(), "{kind}");
        }
        assert_eq!(json(&out.join(kind).join("best/state.json"))["step"], expected["best_step"], "{kind}");
    }
}

fn parts_of(expected: &Value) -> Vec<&String> {
    expected["parts"].as_object().unwrap().keys().collect()
}

/// Prints the hashes of `finished.json`: `MIRRORGAN_RUN=RUN cargo test --test native -- --ignored --nocapture weights_of_a_run`.
#[test]
#[ignore = "for making the fixture"]
fn weights_of_a_run() {
    let run = PathBuf::from(std::env::var_os("MIRRORGAN_RUN").expect("MIRRORGAN_RUN names a run"));
    for kind in ["stem", "stream", "gan"] {
        let recipe = Recipe::load(&run.join(kind).join("recipe.toml").display().to_string(), &[]).unwrap();
        println!("{kind} {}", weights(&run, kind, &recipe));
    }
}
