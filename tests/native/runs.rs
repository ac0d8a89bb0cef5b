//! What a run keeps when it ends in ways that nobody asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mirrorgan::Error;
use mirrorgan::train::{TrainContext, TrainError, gan, stem, stream};
use mirrorgan::watch::{StopAfter, Unwatched};

use crate::tiny::{context, log};

const PHASES: &str = "gan.phases=[{stages=1,pictures=64,batch=4,trains=\"all\"}]";
const SHORT: [&str; 4] = ["stem.epochs=1", "stream.epochs=1", "data.checkpoint_seconds=0", PHASES];

fn prepared(folder: &Path, out: &str, overrides: &[&str]) -> TrainContext {
    let context = context(folder, out, overrides);
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    context
}

fn command(folder: &Path, out: &str, overrides: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
    command.current_dir(folder).args(["train", "gan", "--data", "data", "--recipe", "tiny", "--device", "cpu", "--out", out, "--resume"]);
    overrides.iter().for_each(|change| {
        command.args(["--set", change]);
    });
    command
}

fn checkpoints(context: &TrainContext) -> Vec<PathBuf> {
    let folder = context.out.join("gan/checkpoints");
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("state.json").is_file()).collect();
    found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("step-"));
    found.sort();
    found
}

/// The optimizers of the newest checkpoint.
fn newest(context: &TrainContext) -> Vec<(String, Vec<u8>)> {
    let folder = checkpoints(context).pop().unwrap();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    // Networks carry burn's random parameter numbers, which are compared by their values; the state speaks of the log's length, in
    // which the speed is written.
    files.iter().filter(|path| name(path).ends_with("-adam")).map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// Waits until the newest checkpoint is not `before`.
fn wait_for_another(context: &TrainContext, before: Option<&PathBuf>, child: &mut Child) {
    let start = Instant::now();
    while checkpoints(context).last() == before && child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(300), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_training_equals_an_undisturbed_one_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let whole = prepared(folder.path(), "whole", &SHORT);
    gan::run(&whole).unwrap();
    let killed = prepared(folder.path(), "killed", &SHORT);
    let mut kills = 0;
    loop {
        let before = checkpoints(&killed).pop();
        let mut child = command(folder.path(), "killed", &SHORT).stderr(Stdio::null()).spawn().unwrap();
        if kills < 3 {
            wait_for_another(&killed, before.as_ref(), &mut child);
            // SIGKILL: nothing in the process can answer to it.
            child.kill().unwrap();
            kills += 1;
        }
        if child.wait().unwrap().success() {
            break;
        }
        assert!(checkpoints(&killed).len() <= 3, "pruned, but for one that the kill kept");
    }
    let losses = |context: &TrainContext| {
        log(context, "gan").iter().map(|line| (line["step"].clone(), line["generator"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(losses(&whole), losses(&killed));
    let weights = |context: &TrainContext| {
        let config = &context.recipe.gan.generator;
        crate::tiny::values(&gan::load(&context.out, config, config.stages, &context.device).unwrap())
    };
    assert!(weights(&whole) == weights(&killed), "the averages differ");
    assert!(newest(&whole).len() == 2 && newest(&whole) == newest(&killed), "the optimizers differ");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_costs_nothing_saved() {
    let folder = tempfile::tempdir().unwrap();
    let mut context = prepared(folder.path(), "run", &SHORT);
    context.watcher = Arc::new(StopAfter::new(2));
    assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::Interrupted))));
    let before = newest(&context);
    // No file may grow beyond 64 KiB: the log can, a checkpoint cannot.
    let whole = command(folder.path(), "run", &SHORT);
    let arguments: Vec<String> = whole.get_args().map(|argument| format!("'{}'", argument.to_string_lossy())).collect();
    let script = format!("trap '' XFSZ; ulimit -f 64; exec '{}' {}", env!("CARGO_BIN_EXE_mirrorgan"), arguments.join(" "));
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("the disk is full") && message.contains("checkpoints") && !message.contains("panicked"), "{message}");
    assert!(newest(&context) == before, "the last checkpoint changed");
    assert!(command(folder.path(), "run", &SHORT).stderr(Stdio::null()).status().unwrap().success());
}

#[test]
fn a_deadline_ends_a_training_that_goes_on_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let short = [&SHORT[..3], &["gan.phases=[{stages=1,pictures=12,batch=4,trains=\"all\"}]"]].concat();
    let whole = prepared(folder.path(), "whole", &short);
    gan::run(&whole).unwrap();
    let mut part = prepared(folder.path(), "part", &short);
    (part.resume, part.deadline) = (true, Some(Instant::now()));
    for step in 1..=3 {
        assert!(matches!(gan::run(&part), Err(TrainError::Library(Error::Deadline))));
        assert_eq!(log(&part, "gan").len(), step, "a step is taken before the clock is looked at");
    }
    gan::run(&part).unwrap();
    let losses = |context: &TrainContext| log(context, "gan").iter().map(|line| line["generator"].clone()).collect::<Vec<_>>();
    assert_eq!(losses(&whole), losses(&part));
    assert!(newest(&whole) == newest(&part), "the optimizers differ");

    // The command, from its start, in whatever part it is by then.
    let arguments = ["train", "all", "--data", "data", "--recipe", "tiny", "--out", "timed", "--device", "cpu", "--deadline", "1"];
    for more in [&[][..], &["--resume"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_mirrorgan")).current_dir(folder.path()).args(arguments).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("deadline of 1 s") && said.contains("--resume") && !said.contains("done"), "{said}");
    }
}

#[test]
fn a_phase_ends_when_its_seconds_are_spent_in_however_many_calls() {
    let folder = tempfile::tempdir().unwrap();
    let phases = "gan.phases=[{stages=1,seconds=0.001,batch=4,trains=\"all\"},{stages=1,pictures=12,seconds=600,batch=4,trains=\"all\"}]";
    let mut context = prepared(folder.path(), "run", &[&SHORT[..3], &[phases]].concat());
    context.watcher = Arc::new(StopAfter::new(2));
    assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::Interrupted))));
    let phase = |context: &TrainContext| log(context, "gan").iter().map(|line| line["phase"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(phase(&context), [0, 1], "one step is more than a millisecond");
    (context.watcher, context.resume) = (Arc::new(StopAfter::new(1)), true);
    assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::Interrupted))));
    let file = checkpoints(&context).pop().unwrap().join("state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let spent = state["extra"]["seconds"].as_f64().unwrap();
    assert!(spent > 0.0 && spent < 600.0, "{spent}");
    state["extra"]["seconds"] = 601.0.into();
    fs::write(&file, state.to_string()).unwrap();
    context.watcher = Arc::new(Unwatched);
    gan::run(&context).unwrap();
    assert_eq!(phase(&context), [0, 1, 1], "nothing is left of the ten minutes");
    assert!(gan::finished(&context.out, &context.recipe.gan).unwrap());
}

#[test]
fn a_diverged_training_stops_and_keeps_finite_weights() {
    let folder = tempfile::tempdir().unwrap();
    let mut context = prepared(folder.path(), "run", &SHORT);
    context.watcher = Arc::new(StopAfter::new(2));
    assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::Interrupted))));
    context.watcher = Arc::new(Unwatched);
    context.resume = true;
    context.recipe.gan.discriminator_lr = 1e30;
    context.recipe.gan.generator_lr = 1e30;
    let error = gan::run(&context).unwrap_err();
    assert!(matches!(error, TrainError::Library(Error::Diverged { .. })), "{error}");
    let message = error.to_string();
    assert!(message.contains("step") && message.contains("step-000000") && message.contains("lower learning rate"), "{message}");
    let config = &context.recipe.gan.generator;
    let weights = crate::tiny::values(&gan::load(&context.out, config, config.stages, &context.device).unwrap());
    assert!(weights.into_iter().all(|bits| f32::from_bits(bits).is_finite()));
}

#[test]
fn nothing_is_saved_while_a_loss_is_above_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    // Every loss is above a hundredth of itself.
    let exploding = [&SHORT[..], &["gan.explosion={factor=0.01,steps=4}", "gan.measure_every=4", "gan.measure_pictures=4"]].concat();
    let context = prepared(folder.path(), "run", &exploding);
    let message = gan::run(&context).unwrap_err().to_string();
    assert!(message.contains("for 4 steps") && message.contains("no checkpoint yet"), "{message}");
    let measured = log(&context, "gan").iter().filter(|line| line["kernel_distance"].is_f64()).count();
    assert_eq!((measured, context.out.join("gan/best").exists()), (3, false));
}

/// Every file in a folder.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

#[test]
fn a_refused_resume_says_why_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut context = prepared(folder.path(), "run", &SHORT);
    context.watcher = Arc::new(StopAfter::new(2));
    assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::Interrupted))));
    let before = tree(&context.out);
    type Part = (fn(&TrainContext) -> Result<(), TrainError>, &'static str, &'static str);
    // Regions of another stride would take the place of those that are there.
    let parts: [Part; 3] = [
        (stem::run, "stem.region_stride=32", "was begun with"),
        (stream::run, "stream.hidden=16", "was begun with"),
        (gan::run, "gan.generator.gf_dim=16", "gan.generator.gf_dim is 8 in the checkpoint, 16 in the recipe"),
    ];
    for (run, change, part) in parts {
        let changed = TrainContext { resume: true, ..crate::tiny::context(folder.path(), "run", &[&SHORT[..], &[change]].concat()) };
        let error = run(&changed).unwrap_err();
        assert!(matches!(&error, TrainError::Library(Error::BadCheckpoint { message, .. }) if message.contains(part)), "{change}: {error}");
        let after = tree(&context.out);
        let changed: Vec<_> = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
        assert!(changed.is_empty(), "{change}: {changed:?}");
    }

    // The same pictures, twice.
    let more = folder.path().join("more");
    mirrorgan::data::tiny::write(&more).unwrap();
    fs::copy(more.join("tiny-train-000.tar"), more.join("tiny-train-001.tar")).unwrap();
    for run in [stem::run, stream::run, gan::run] {
        let other = TrainContext { resume: true, data: vec![more.clone()], ..context.clone() };
        let error = run(&other).unwrap_err();
        assert!(
            matches!(&error, TrainError::Library(Error::BadCheckpoint { message, .. }) if message.contains("other pictures")),
            "{error}"
        );
        assert!(tree(&context.out) == before);
    }

    // One that does not say what its networks are is gone on from.
    let file = checkpoints(&context).pop().unwrap().join("state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert!(state["extra"].as_object_mut().unwrap().remove("networks").is_some());
    fs::write(&file, state.to_string()).unwrap();
    context.resume = true;
    context.watcher = Arc::new(StopAfter::new(1));
    assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::Interrupted))));
    assert_eq!(log(&context, "gan").len(), 3);
}

/// The losses of the first step.
fn first(context: &TrainContext) -> Vec<(String, f64)> {
    let line = log(context, "gan").swap_remove(0);
    ["discriminator", "adversarial", "conditional", "stream", "kl", "generator"]
        .map(|name| (name.to_string(), line[name].as_f64().unwrap()))
        .to_vec()
}

#[test]
fn half_precision_devices_and_accumulation_give_nearly_the_same_losses() {
    let folder = tempfile::tempdir().unwrap();
    // Cross-entropy squeezes verdicts, which hinge losses show as they are, and a sharpened condition makes the most of each bit.
    let mild = ["gan.loss=cross_entropy", "gan.spectral_norm=false", "gan.condition_gain=1.0"];
    let plain = prepared(folder.path(), "plain", &[&SHORT[..], &mild].concat());
    let share = |out: &str, changes: &[&str]| {
        let context = prepared(folder.path(), out, &[&SHORT[..3], &mild, changes].concat());
        gan::run(&context).unwrap();
        context
    };
    gan::run(&plain).unwrap();
    let expected = first(&plain);
    for precision in ["bf16", "f16"] {
        let change = format!("gan.precision={precision}");
        let context = share(precision, &[&change, PHASES]);
        for ((name, found), (_, expected)) in first(&context).into_iter().zip(&expected) {
            assert!((found - expected).abs() < 0.02 * (1.0 + expected.abs()), "{precision} {name}: {found} {expected}");
        }
    }
    // Batch norms see halves: near, not the same.
    let phases = "gan.phases=[{stages=1,pictures=64,batch=2,accumulate=2,trains=\"all\"}]";
    for (out, changes) in [("devices", vec!["gan.devices=2", PHASES]), ("accumulated", vec![phases])] {
        let context = share(out, &changes);
        for ((name, found), (_, expected)) in first(&context).into_iter().zip(&expected) {
            assert!((found - expected).abs() < 0.2 * (1.0 + expected.abs()), "{out} {name}: {found} {expected}");
        }
    }
}

#[test]
fn the_papers_and_the_published_recipe_run_to_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    mirrorgan::data::tiny::write(&data).unwrap();
    let small = [
        "data.size=256",
        "data.encoder_size=64",
        "data.encoder_width=0.25",
        "data.min_word_count=1",
        "stem.epochs=1",
        "stem.batch=16",
        "stem.embedding=16",
        "stem.features=16",
        "stream.epochs=1",
        "stream.batch=16",
        "stream.embedding=16",
        "stream.hidden=16",
        "gan.df_dim=2",
        "gan.generator.gf_dim=2",
        "gan.generator.z_dim=8",
        "gan.generator.condition_dim=8",
        "gan.generator.features=16",
        "gan.encoder_sizes=[32,32,32]",
    ];
    let phases = |name: &str| match name {
        "paper" => {
            "gan.phases=[{stages=1,pictures=4,batch=2,trains=\"all\"},{stages=2,pictures=2,batch=2,trains=\"last\"},{stages=3,pictures=2,batch=2,trains=\"last\"}]"
        }
        "dfgan" => "gan.phases=[{stages=1,pictures=8,batch=4,trains=\"all\"}]",
        _ => "gan.phases=[{stages=3,pictures=2,batch=2,trains=\"all\"}]",
    };
    for name in ["paper", "published", "dfgan"] {
        let mut overrides: Vec<String> = small.iter().map(|change| change.to_string()).collect();
        overrides.push(phases(name).to_string());
        if name == "dfgan" {
            let changes = [
                "gan.loss=hinge",
                "gan.spectral_norm=true",
                "gan.gradient_penalty.weight=2",
                "gan.augmentation={translation=0.125,cutout=0.3,brightness=0.2}",
            ];
            overrides.extend(changes.map(String::from));
        }
        let recipe = mirrorgan::train::Recipe::load(if name == "dfgan" { "published" } else { name }, &overrides).unwrap();
        let context = TrainContext { recipe, ..context(folder.path(), name, &[]) };
        stem::run(&context).unwrap();
        stream::run(&context).unwrap();
        gan::run(&context).unwrap();
        assert!(log(&context, "gan").iter().all(|line| line["generator"].as_f64().is_some_and(f64::is_finite)), "{name}");
        // None of them names prompts: captions of the test part are drawn.
        assert!(fs::read_dir(context.out.join("gan/samples")).unwrap().count() > 0, "{name}");
    }
}

#[test]
fn stem_that_was_trained_otherwise_is_used_as_it_is_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["stem.epochs=1", "stream.epochs=1", "gan.generator.gf_dim=2"];
    let phases = "gan.phases=[{stages=1,pictures=4,batch=4,trains=\"all\"}]";
    let context = prepared(folder.path(), "run", &[&short[..], &["stem.region_stride=16", phases]].concat());
    // DAMSM looks at the regions that it was trained on.
    let mut other = context.clone();
    other.recipe.stem.region_stride = 32;
    gan::run(&other).unwrap();
    // STEM anew, with fewer words than STREAM knows.
    fs::remove_dir_all(context.out.join("stem")).unwrap();
    fs::remove_dir_all(context.out.join("gan")).unwrap();
    let mut fewer = context.clone();
    fewer.recipe.data.min_word_count = 20;
    stem::run(&fewer).unwrap();
    let error = gan::run(&fewer).unwrap_err().to_string();
    assert!(error.contains("STEM was trained anew"), "{error}");
}

#[test]
fn the_family_is_compared_in_one_table() {
    let folder = tempfile::tempdir().unwrap();
    mirrorgan::data::tiny::write(&folder.path().join("data")).unwrap();
    let run = |more: &[&str]| {
        let arguments = [
            &["compare", "--data", "data", "--recipe", "tiny", "--out", "family", "--device", "cpu", "--limit", "12"][..],
            &["--set", "stem.epochs=1", "--set", "stream.epochs=1", "--set", "gan.generator.gf_dim=2", "--set"],
            &["gan.phases=[{stages=1,pictures=8,batch=4,trains=\"all\"}]"],
            more,
        ]
        .concat();
        Command::new(env!("CARGO_BIN_EXE_mirrorgan")).current_dir(folder.path()).args(arguments).output().unwrap()
    };
    let output = run(&["--inception", "nowhere.pth"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.pth"), "{output:?}");
    assert!(!folder.path().join("family").exists(), "nothing is trained for a table that cannot be made");
    let output = run(&["--members", "stackgan++,mirrorgan"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(run(&[]).status.code(), Some(2), "a comparison is not overwritten");
    // The members that are not there yet are added.
    let output = run(&["--resume"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let out = folder.path().join("family");
    for title in ["StackGAN++", "AttnGAN", "MirrorGAN without sentence attention", "MirrorGAN without STREAM", "fd-efficientnet-lite0"] {
        assert!(text.contains(title), "{title}: {text}");
    }
    let rows: serde_json::Value = serde_json::from_slice(&fs::read(out.join("table.json")).unwrap()).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 5);
    assert_eq!(fs::read_to_string(out.join("table.md")).unwrap().lines().filter(|line| line.starts_with('|')).count(), 7);
    let grid = image::open(out.join("grid.png")).unwrap();
    assert!(grid.height() > 4 * 64 && out.join("attngan/gan/report.html").is_file());
    let again = run(&["--table"]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), text, "measuring depends on nothing else");

    // What is trained is told from the recipes in the folders: the default recipe has other networks, phases and data.
    let by_default = ["compare", "--data", "data", "--out", "family", "--device", "cpu", "--limit", "12", "--table"];
    let found = Command::new(env!("CARGO_BIN_EXE_mirrorgan")).current_dir(folder.path()).args(by_default).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), text, "{}", String::from_utf8_lossy(&found.stderr));

    let only = run(&["--table", "--members", "mirrorgan", "--metrics", "distance,captions", "--samples", "20"]);
    let text = String::from_utf8(only.stdout).unwrap();
    assert!(text.contains("20 pictures drawn by each, 12 test photographs") && text.contains("captions.bleu_4"), "{text}");
    assert!(!text.contains("r_precision") && !text.contains("diversity"), "{text}");
    let refused = run(&["--table", "--metrics", "is"]);
    assert!(refused.status.code() == Some(2) && String::from_utf8_lossy(&refused.stderr).contains("--inception"), "{refused:?}");
}
