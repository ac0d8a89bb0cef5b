//! What goes wrong where no caller can be told: panics, and what the GPU libraries log.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsValue, UnwrapThrowExt};

thread_local! {
    static LISTENER: RefCell<Option<Function>> = const { RefCell::new(None) };
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// Runs once when the module is instantiated.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let message = JsValue::from_str(&info.to_string());
        LISTENER.with(|listener| {
            if let Ok(listener) = listener.try_borrow()
                && let Some(listener) = listener.as_ref()
            {
                // The listener's own failure has nobody left to hear of it.
                let _ = listener.call1(&JsValue::NULL, &message);
            }
        });
    }));
    // A shader that does not compile is only logged.
    if log::set_logger(&Console).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// Has `listener` called with the message of a panic; the module is dead after it.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(listener: Function) {
    LISTENER.with(|slot| slot.try_borrow_mut().expect_throw("onPanic inside a panic").replace(listener));
}

struct Console;

impl log::Log for Console {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            console_error(&format!("{}: {}", record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}
