//! Telling a server that is gone from every other failure.
//!
//! Where a session ends, `burn-remote` drops what is sent to it, answers each read with an error, and panics where its caller cannot be given one,
//! as in a tensor's move to another device. So the failure itself says nothing of servers: after one, each session that is open is asked for
//! an answer, and those that have none are what went wrong.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::mpsc::channel;
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

use super::RemoteError;
use super::connect::opened;

/// How long a server may take to say that it is there. It answers behind all the work that it has been given.
const PATIENCE: Duration = Duration::from_secs(60);

/// What panics said while devices of other machines were in use.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Runs `work`. Where it fails or panics and a server is gone, that is the error. Every other failure stays what it is; what a panic says is
/// handed to `tell` before it goes on, as it is not printed where it happens while devices of other machines are in use.
///
/// # Errors
/// [`RemoteError::Lost`], or those of `work`.
pub fn watch<T, E: From<RemoteError>>(work: impl FnOnce() -> Result<T, E>, tell: impl Fn(&str)) -> Result<T, E> {
    hold_back_panics();
    let outcome = catch_unwind(AssertUnwindSafe(work));
    let hosts = if matches!(outcome, Ok(Ok(_))) { Vec::new() } else { lost(PATIENCE) };
    let said = std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    if !hosts.is_empty() {
        return Err(RemoteError::Lost { hosts }.into());
    }
    said.iter().for_each(|text| tell(text));
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Servers whose sessions are over, or give no answer within `patience`.
fn lost(patience: Duration) -> Vec<String> {
    let opened = opened().clone();
    let asked = opened.into_iter().map(|(host, device)| {
        let (answer, answered) = channel();
        let ask = move || {
            let _ = answer.send(device.sync().is_ok());
        };
        let asking = thread::Builder::new().name("ask".into()).spawn(ask);
        (host, asking.is_ok().then_some(answered))
    });
    // All are asked before the first is waited for.
    let asked: Vec<_> = asked.collect();
    let gone = |answered: &std::sync::mpsc::Receiver<bool>| !answered.recv_timeout(patience).unwrap_or(false);
    asked.iter().filter(|(_, answered)| answered.as_ref().is_some_and(gone)).map(|(host, _)| host.to_string()).collect()
}

/// From now on, what a panic says is kept where devices of other machines are open.
fn hold_back_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if opened().is_empty() {
                return before(panic);
            }
            let name = thread::current().name().unwrap_or("unnamed").to_string();
            SAID.lock().unwrap_or_else(PoisonError::into_inner).push(format!("thread '{name}' {panic}"));
        }));
    });
}
