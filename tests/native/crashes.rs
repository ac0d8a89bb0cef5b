//! Processes that are killed at any moment, disks that fill and folders that cannot be written to: what was saved stays, and what goes on comes
//! to the same end. They take minutes, so they are ignored:
//!
//! `MIRRORGAN_KILLS=100 cargo test --test native -- --ignored --nocapture crashes`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mirrorgan::train::Recipe;
use mirrorgan::train::{gan, stem, stream};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::tiny::values;
use crate::together::left_over;

/// Some seconds of training in all, with checkpoints all along.
const CHANGES: [&str; 9] = [
    "stem.epochs=30",
    "stem.batch=16",
    "stem.test_every=5",
    "stream.epochs=20",
    "stream.test_every=5",
    "data.checkpoint_seconds=0",
    "gan.measure_every=64",
    "gan.measure_pictures=12",
    "gan.phases=[{stages=1,pictures=192,batch=8,trains=\"all\"}]",
];

fn train(folder: &Path, out: &str, resume: bool) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
    command.current_dir(folder).args(["train", "all", "--data", "data", "--recipe", "tiny", "--device", "cpu", "--out", out]);
    CHANGES.iter().for_each(|change| {
        command.args(["--set", change]);
    });
    if resume {
        command.arg("--resume");
    }
    command.stdout(Stdio::null());
    command
}

/// Seconds that a process has worked. By the processor's clock where the system tells it: on a busy machine little is done in a second.
fn worked(child: &Child, start: Instant) -> f64 {
    let ticks = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok().and_then(|stat| {
        let fields: Vec<f64> =
            stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        (fields.len() == 2).then(|| fields.iter().sum::<f64>())
    });
    // Linux tells hundredths of a second.
    ticks.map_or_else(|| start.elapsed().as_secs_f64(), |ticks| ticks / 100.0)
}

/// What a training has come to: all weights to the bit, the optimizers, what it remembers, and the logs without what depends on the clock.
fn result(run: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let device = burn::tensor::Device::flex();
    let recipe = Recipe::load(&run.join("gan/recipe.toml").display().to_string(), &[]).unwrap().gan.generator;
    found.insert("stem".into(), format!("{:?}", values(&stem::load(run, &device).unwrap().model)));
    found.insert("stream".into(), format!("{:?}", values(&stream::load(run, &device).unwrap().1)));
    found.insert("gan".into(), format!("{:?}", values(&gan::load(run, &recipe, recipe.stages, &device).unwrap())));
    found.insert("best".into(), format!("{:?}", values(&gan::load_best(run, &recipe, recipe.stages, &device).unwrap())));
    for kind in ["stem", "stream", "gan"] {
        let mut steps: Vec<PathBuf> =
            fs::read_dir(run.join(kind).join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
        steps.sort();
        let mut state: serde_json::Value = serde_json::from_slice(&fs::read(steps.last().unwrap().join("state.json")).unwrap()).unwrap();
        // Sums of files in which burn's numbers of parameters are drawn, the length of a log that says how fast it went, and time.
        let remembered = state.as_object_mut().unwrap();
        remembered.retain(|name, _| !["parts", "log_bytes"].contains(&name.as_str()));
        remembered["extra"].as_object_mut().unwrap().remove("seconds");
        found.insert(format!("{kind}/state"), state.to_string());
        for entry in fs::read_dir(steps.last().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.contains("adam") {
                found.insert(format!("{kind}/{name}"), format!("{:?}", fs::read(path).unwrap()));
            }
        }
        let log = fs::read_to_string(run.join(kind).join("log.jsonl")).unwrap();
        let line = |line: &str| {
            let mut values: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields = values.as_object_mut().unwrap();
            fields.retain(|name, _| !["pictures_per_second", "data_seconds"].contains(&name.as_str()));
            values.to_string()
        };
        found.insert(format!("{kind}/log"), log.lines().map(line).collect::<Vec<_>>().join("\n"));
        let examples = fs::read_to_string(run.join(kind).join("examples.jsonl")).unwrap_or_default();
        found.insert(format!("{kind}/examples"), examples);
    }
    found
}

fn same(whole: &Path, other: &Path) {
    let (whole, other) = (result(whole), result(other));
    assert_eq!(whole.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let different: Vec<_> = whole.iter().filter(|(name, value)| other[*name] != **value).map(|(name, _)| name).collect();
    assert!(different.is_empty(), "{different:?}");
}

/// Trains to the end, without a stop. Returns how many seconds of work that is.
fn prepare(folder: &Path) -> f64 {
    mirrorgan::data::tiny::write(&folder.join("data")).unwrap();
    let mut child = train(folder, "whole", false).stderr(Stdio::null()).spawn().unwrap();
    let (start, mut seconds) = (Instant::now(), 0.0);
    while child.try_wait().unwrap().is_none() {
        seconds = worked(&child, start).max(seconds);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(child.wait().unwrap().success());
    seconds
}

#[test]
#[ignore = "takes minutes; MIRRORGAN_KILLS says how many"]
fn a_training_that_is_killed_again_and_again_comes_to_the_same_end() {
    let kills: usize = std::env::var("MIRRORGAN_KILLS").map_or(20, |count| count.parse().unwrap());
    let seed: u64 = std::env::var("MIRRORGAN_SEED").map_or(1, |seed| seed.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let whole = prepare(folder.path());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut killed, mut trainings) = (0, 0);
    while killed < kills {
        trainings += 1;
        let out = format!("killed-{trainings}");
        let mut resume = false;
        loop {
            let mut child = train(folder.path(), &out, resume).stderr(Stdio::piped()).spawn().unwrap();
            resume = true;
            if killed < kills {
                // Late enough now and then for the generator to be reached.
                let after = whole * rng.random_range(0.0..0.4);
                let start = Instant::now();
                while worked(&child, start) < after && child.try_wait().unwrap().is_none() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                if child.try_wait().unwrap().is_none() {
                    child.kill().unwrap();
                    killed += 1;
                }
            }
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                break;
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code().is_none(), "it failed by itself after {killed} kills: {said}");
        }
        same(&folder.path().join("whole"), &folder.path().join(&out));
        assert_eq!(left_over(&folder.path().join(&out)), Vec::<PathBuf>::new());
        println!(
            "{killed} kills in {trainings} trainings of {whole:.1} s of work each, seed {seed}: the same to the bit, nothing left over"
        );
    }
}

/// Every file that a checkpoint is made of.
fn checkpoints(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn tree(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { tree(&path, found) } else { drop(found.insert(path.clone(), fs::read(path).unwrap())) }
        }
    }
    let mut found = BTreeMap::new();
    ["stem", "stream", "gan"].iter().for_each(|kind| tree(&run.join(kind).join("checkpoints"), &mut found));
    found
}

/// No file may grow beyond so many KiB, which is what a disk looks like that is full by then. What fails says so, and goes on once there is room.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes minutes"]
fn a_disk_that_fills_at_any_write_costs_nothing_saved() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let mut full = 0;
    for kib in [1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256] {
        let run = folder.path().join("full");
        let before = checkpoints(&run);
        let command = train(folder.path(), "full", true);
        let arguments: Vec<String> = command.get_args().map(|argument| format!("'{}'", argument.to_string_lossy())).collect();
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec '{}' {}", env!("CARGO_BIN_EXE_mirrorgan"), arguments.join(" "));
        let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{kib}: {said}");
        if output.status.success() {
            break;
        }
        full += 1;
        assert_eq!(output.status.code(), Some(1), "{kib}: {said}");
        assert!(said.contains("the disk is full"), "{kib}: {said}");
        // What was saved before is there, or something newer is.
        let after = checkpoints(&run);
        for kind in ["stem", "stream", "gan"] {
            let of = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().filter(|path| path.starts_with(run.join(kind))).max().cloned();
            assert!(of(&after) >= of(&before), "{kib}: {kind} went back");
        }
        assert!(after.keys().all(|path| !path.to_string_lossy().contains("/.writing-")), "{kib}");
    }
    assert!(full > 3, "{full}");
    assert!(train(folder.path(), "full", true).stderr(Stdio::null()).status().unwrap().success());
    same(&folder.path().join("whole"), &folder.path().join("full"));
    assert_eq!(left_over(&folder.path().join("full")), Vec::<PathBuf>::new());
}

/// The same command by a user who may not write everywhere: root hands it to nobody, with a copy of the program in a folder of nobody's.
#[cfg(unix)]
fn unprivileged(folder: &Path, command: &Command) -> Command {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata(folder).unwrap().uid() != 0 && !folder.join("mirrorgan").exists() {
        let mut same = Command::new(command.get_program());
        same.current_dir(folder).args(command.get_args()).stdout(Stdio::null());
        return same;
    }
    let program = folder.join("mirrorgan");
    if !program.exists() {
        fs::copy(command.get_program(), &program).unwrap();
        assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(folder).status().unwrap().success());
    }
    let mut other = Command::new("setpriv");
    other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(command.get_args());
    other.current_dir(folder).stdout(Stdio::null());
    other
}

/// The newest checkpoint of a part, also while it is being trained.
fn newest(run: &Path, kind: &str) -> Option<String> {
    let entries = fs::read_dir(run.join(kind).join("checkpoints")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name.starts_with("step-")).max()
}

/// Folders that turn read-only under a training, one after the other.
#[cfg(unix)]
#[test]
#[ignore = "takes minutes"]
fn a_folder_that_turns_read_only_costs_nothing_saved() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let run = folder.path().join("run");
    let set = |path: &Path, mode: u32| {
        if path.is_dir() {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let train = || unprivileged(folder.path(), &train(folder.path(), "run", true));
    let mut failed = 0;
    for name in ["features", "", "stem", "stem/checkpoints", "stream", "stream/checkpoints", "gan", "gan/checkpoints"] {
        let mut child = train().stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while !run.join(name).is_dir() && child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(300) {
            std::thread::sleep(Duration::from_millis(1));
        }
        set(&run.join(name), 0o555);
        let before = ["stem", "stream", "gan"].map(|kind| newest(&run, kind));
        let output = child.wait_with_output().unwrap();
        set(&run.join(name), 0o755);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)) && !said.contains("panicked"), "{name}: {said}");
        failed += usize::from(!output.status.success());
        let after = ["stem", "stream", "gan"].map(|kind| newest(&run, kind));
        assert!(after.iter().zip(&before).all(|(after, before)| after >= before), "{name}: {before:?} {after:?}");
        println!("{name:?}: {} {}", output.status, said.lines().rev().find(|line| line.contains("error")).unwrap_or_default());
    }
    assert!(failed >= 3, "{failed}");
    assert!(train().stderr(Stdio::null()).status().unwrap().success());
    same(&folder.path().join("whole"), &run);
    assert_eq!(left_over(&run), Vec::<PathBuf>::new());
}
