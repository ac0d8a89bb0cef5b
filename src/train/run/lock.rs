//! One process at a time in the folder of a run.
//!
//! Two that write there, as a job that was started twice does, would mix their logs and take one another's checkpoints away. The lock is the
//! system's, on the file `.lock` in the folder: it ends with its process, so that nothing a killed process leaves behind keeps others out.
//! What reads a run (`export`, `evaluate`) and what writes a file that appears whole and is nobody's memory (`report`) needs none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::TrainContext;
use crate::Error;
use crate::files::hold::{Hold, hold};
use crate::train::error::{Result, TrainError};

/// The file that is locked; in it stands who has done so.
const FILE: &str = ".lock";

/// The proof that no other process writes in the folder of a run, as long as it is kept.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    _file: File,
    /// Folders that were made for it, the outermost first: those that stay empty go with it.
    made: Vec<PathBuf>,
}

impl RunLock {
    /// Locks `context.out`, which is made where it is missing. Where the file system knows no locks a warning says so.
    ///
    /// # Errors
    /// [`TrainError::InUse`] naming who holds it; [`Error::Io`] naming the file.
    pub fn take(context: &TrainContext) -> Result<Self> {
        let run = &context.out;
        let made = missing(run);
        let path = run.join(FILE);
        // Another may remove the file between our opening and locking it.
        for _ in 0..100 {
            fs::create_dir_all(run).map_err(|error| Error::io(run, error))?;
            let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            let file = match open().and_then(|file| hold(file, &path)).map_err(|error| Error::io(&path, error))? {
                Hold::Gone => continue,
                Hold::Theirs => {
                    let holder = holder(&path).unwrap_or_else(|| "another process".to_string());
                    return Err(TrainError::InUse { run: run.clone(), holder });
                }
                Hold::Unknown(file) => {
                    context.warn(&format!("{} is on a file system without locks: nothing keeps a second training out of it", run.display()));
                    file
                }
                Hold::Ours(file) => file,
            };
            // On a full disk nobody can be named, and the lock is as good.
            let _ = introduce(&file);
            return Ok(Self { path, _file: file, made });
        }
        Err(Error::io(path, io::ErrorKind::ResourceBusy.into()).into())
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // While it is still locked: who has opened it by now finds that it is gone.
        let _ = fs::remove_file(&self.path);
        for folder in self.made.iter().rev() {
            // Only empty ones can be removed.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// Who holds the lock: what stands in its file. Whoever has just taken it needs a moment to write that down.
fn holder(path: &Path) -> Option<String> {
    for _ in 0..50 {
        let name = fs::read_to_string(path).unwrap_or_default();
        if !name.trim().is_empty() {
            return Some(name.trim().to_string());
        }
        thread::sleep(Duration::from_millis(2));
    }
    None
}

/// Writes down who this is.
fn introduce(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "process {} on {}", std::process::id(), host())
}

/// The folders that have to be made for `folder`, the outermost first.
fn missing(folder: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).map(Path::to_path_buf).collect();
    missing.reverse();
    missing
}

/// What this computer is called.
fn host() -> String {
    let named = ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter().find_map(|file| fs::read_to_string(file).ok());
    let named = named.or_else(|| ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok()));
    named.map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).unwrap_or_else(|| "this computer".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Recipe;

    fn context(out: PathBuf) -> TrainContext {
        TrainContext::of_trained(Recipe::default(), &out, &[], &burn::tensor::Device::flex())
    }

    #[test]
    fn the_second_is_refused_and_told_who_is_first() {
        let place = tempfile::tempdir().unwrap();
        let context = context(place.path().join("deep/run"));
        let first = RunLock::take(&context).unwrap();
        let error = RunLock::take(&context).unwrap_err();
        let TrainError::InUse { run, holder } = &error else { panic!("{error}") };
        assert_eq!((run, holder), (&context.out, &format!("process {} on {}", std::process::id(), host())));
        assert!(error.to_string().contains(holder), "{error}");
        drop(first);
        assert!(!place.path().join("deep").exists(), "nothing was written, so nothing stays");
        drop(RunLock::take(&context).unwrap());
    }

    #[test]
    fn what_a_dead_process_left_keeps_nobody_out_and_what_was_written_stays() {
        let place = tempfile::tempdir().unwrap();
        let context = context(place.path().join("run"));
        fs::create_dir(&context.out).unwrap();
        fs::write(context.out.join(FILE), "process 1 on a computer of long ago, with a long name\n").unwrap();
        let lock = RunLock::take(&context).unwrap();
        let holder = fs::read_to_string(context.out.join(FILE)).unwrap();
        assert_eq!(holder, format!("process {} on {}\n", std::process::id(), host()));
        fs::write(context.out.join("vocab.txt"), "x").unwrap();
        drop(lock);
        assert_eq!(crate::files::names(&context.out), ["vocab.txt"]);
    }
}
