//! Two processes on one run, and what they are told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mirrorgan::train::{stem, stream};

use crate::tiny::{context, log};

const SHORT: [&str; 4] = ["stem.epochs=1", "stream.epochs=1", "gan.generator.gf_dim=2", "data.checkpoint_seconds=0"];

fn phases(pictures: usize) -> String {
    format!("gan.phases=[{{stages=1,pictures={pictures},batch=4,trains=\"all\"}}]")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
    command.current_dir(folder).args(arguments).args(["--data", "data", "--recipe", "tiny", "--device", "cpu", "--out", "run"]);
    SHORT.iter().for_each(|change| {
        command.args(["--set", change]);
    });
    command
}

fn train(folder: &Path, part: &str, pictures: usize, more: &[&str]) -> Command {
    let mut command = command(folder, &["train", part]);
    command.args(["--set", &phases(pictures)]).args(more);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Everything in a folder by name, hidden files too.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(names(&path));
        }
        found.push(path);
    }
    found
}

/// Names of what is only there while somebody writes.
pub fn left_over(folder: &Path) -> Vec<PathBuf> {
    names(folder).into_iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

#[test]
fn a_second_process_is_refused_and_a_dead_one_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), "run", &[&SHORT[..], &[&phases(16)]].concat());
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    let mut first = train(folder.path(), "gan", 1_000_000, &["--resume"]).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while log_lines(&context.out) < 2 {
        assert!(start.elapsed() < Duration::from_secs(300) && first.try_wait().unwrap().is_none(), "the first has not begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    let holder = format!("in use by process {} on ", first.id());
    for part in ["stem", "stream", "gan", "all"] {
        for more in [&["--resume"][..], &[]] {
            let second = train(folder.path(), part, 16, more).output().unwrap();
            assert_eq!(second.status.code(), Some(2), "{part}: {}", said(&second));
            assert!(said(&second).contains(&holder), "{part}: {}", said(&second));
        }
    }
    for more in [&["--resume"][..], &["--table"]] {
        let second = command(folder.path(), &["compare"]).args(more).output().unwrap();
        assert!(second.status.code() == Some(2) && said(&second).contains(&holder), "{}", said(&second));
    }
    // Who only looks is let in.
    let report = Command::new(env!("CARGO_BIN_EXE_mirrorgan")).current_dir(folder.path()).args(["report", "run"]).output().unwrap();
    assert!(report.status.success(), "{}", said(&report));
    assert!(first.try_wait().unwrap().is_none(), "the first goes on");

    // SIGKILL: nothing in the process can answer to it.
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(left_over(&context.out).iter().filter(|path| path.ends_with(".lock")).count(), 1);
    let after = train(folder.path(), "gan", 16, &["--resume"]).output().unwrap();
    assert!(after.status.success(), "{}", said(&after));
    assert_eq!(left_over(&context.out), Vec::<PathBuf>::new());
    let steps: Vec<u64> = log(&context, "gan").iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>(), "every step once, in order");
}

fn log_lines(run: &Path) -> usize {
    fs::read_to_string(run.join("gan/log.jsonl")).map_or(0, |text| text.lines().count())
}

#[test]
fn of_two_that_begin_at_once_one_trains() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), "run", &SHORT);
    let both = [0, 1].map(|_| train(folder.path(), "stem", 16, &[]).stderr(Stdio::piped()).spawn().unwrap());
    let codes: Vec<_> = both
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            (output.status.code().unwrap(), said(&output))
        })
        .collect();
    // The second comes while the first trains, or after it.
    let refused = |(code, said): &(i32, String)| *code == 2 && (said.contains("in use by ") || said.contains("holds a training already"));
    assert_eq!(codes.iter().filter(|(code, _)| *code == 0).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|found| refused(found)).count(), 1, "{codes:?}");
    assert_eq!(log(&context, "stem").len(), 1);
    assert_eq!(left_over(&context.out), Vec::<PathBuf>::new());
}
