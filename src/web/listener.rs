//! A JavaScript callback that may take its time and may say stop.

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::WebError;
use crate::{Error, Result};

/// A callback, or none.
#[derive(Debug, Clone)]
pub(super) struct Listener(Option<Function>);

impl Listener {
    /// `value` must be a function, `null` or `undefined`.
    pub(super) fn new(value: JsValue) -> Result<Self, WebError> {
        if value.is_null() || value.is_undefined() {
            return Ok(Self(None));
        }
        match value.dyn_into::<Function>() {
            Ok(function) => Ok(Self(Some(function))),
            Err(_) => Err(WebError::new("bad-input", "the listener is not a function")),
        }
    }

    /// Calls the function and waits for the promise it may return.
    ///
    /// Waiting is what lets a Worker hear of a cancellation while the CPU is at work.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when it gives `false` or throws.
    pub(super) async fn tell(&self, event: &JsValue) -> Result<()> {
        let Some(function) = &self.0 else { return Ok(()) };
        let answer = match function.call1(&JsValue::NULL, event) {
            Ok(answer) if answer.has_type::<Promise>() => JsFuture::from(Promise::from(answer)).await,
            answer => answer,
        };
        match answer {
            Ok(value) if value.as_bool() != Some(false) => Ok(()),
            _ => Err(Error::Interrupted),
        }
    }
}
