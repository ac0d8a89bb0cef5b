//! Threads: Workers that share this module's memory and wait for what rayon gives them.
//!
//! The crate wasm-bindgen-rayon does the same, but starts its Workers either so that bundlers understand it or so that browsers do
//! without one; the package has to run both ways, so `worker.js` starts `thread.js`.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use js_sys::Reflect;
use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::WebError;

/// What threads run for the rest of their lives, until they fetch it. (A channel's receiver is never woken here.)
static LIVES: Mutex<Vec<ThreadBuilder>> = Mutex::new(Vec::new());
static GIVEN: Condvar = Condvar::new();

fn lives() -> MutexGuard<'static, Vec<ThreadBuilder>> {
    LIVES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a Worker needs to instantiate this module on the same memory: `{ module, memory }`.
#[wasm_bindgen]
pub fn share() -> JsValue {
    let shared = js_sys::Object::new();
    for (name, value) in [("module", wasm_bindgen::module()), ("memory", wasm_bindgen::memory())] {
        // Setting a property of an object just made cannot fail.
        let _ = Reflect::set(&shared, &name.into(), &value);
    }
    shared.into()
}

/// Makes rayon's pool of `count` threads and waits until as many Workers have called [`start_thread`]. Once a module.
///
/// # Errors
/// `unsupported` when there is a pool already.
#[wasm_bindgen(js_name = buildPool)]
pub fn build_pool(count: usize) -> Result<(), WebError> {
    let give = |thread| {
        lives().push(thread);
        GIVEN.notify_one();
        Ok(())
    };
    let built = ThreadPoolBuilder::new().num_threads(count).spawn_handler(give).build_global();
    built.map_err(|error| WebError::new("unsupported", format!("no threads: {error}")))
}

/// Makes a thread of the Worker that calls it; never returns as long as the pool lives, which is as long as the module.
#[wasm_bindgen(js_name = startThread)]
pub fn start_thread() {
    let mut lives = GIVEN.wait_while(lives(), |lives| lives.is_empty()).unwrap_or_else(PoisonError::into_inner);
    let life = lives.pop();
    drop(lives);
    if let Some(thread) = life {
        thread.run();
    }
}
