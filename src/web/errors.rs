//! Errors as JavaScript sees them: an `Error` with a stable `code`.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use crate::Error;

/// An error on its way to JavaScript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebError {
    code: &'static str,
    message: String,
    words: Vec<String>,
}

impl WebError {
    /// An error with one of the codes that the package documents.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), words: Vec::new() }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// The stable code that JavaScript callers match on.
fn code(error: &Error) -> &'static str {
    match error {
        Error::EmptyPrompt | Error::UnknownPrompt { .. } => "empty-prompt",
        Error::BadInput(_) | Error::BadData { .. } | Error::BadRecipe { .. } => "bad-input",
        Error::BadModel { .. } | Error::NoModel { .. } | Error::BadCheckpoint { .. } | Error::SeveralParts { .. } => "bad-model",
        Error::Integrity { .. } => "integrity",
        Error::Io { .. } => "network",
        Error::Device(_) => "device-lost",
        Error::Interrupted | Error::Deadline => "aborted",
        Error::Diverged { .. } | Error::UnknownLayer { .. } | Error::Internal(_) => "crashed",
    }
}

impl From<Error> for WebError {
    fn from(error: Error) -> Self {
        let (code, message) = (code(&error), error.to_string());
        let words = if let Error::UnknownPrompt { words } = error { words } else { Vec::new() };
        Self { code, message, words }
    }
}

impl From<serde_wasm_bindgen::Error> for WebError {
    fn from(error: serde_wasm_bindgen::Error) -> Self {
        Self::new("bad-input", error.to_string())
    }
}

impl From<WebError> for JsValue {
    fn from(error: WebError) -> Self {
        let value = js_sys::Error::new(&error.message);
        let words: js_sys::Array = error.words.iter().map(|word| JsValue::from_str(word)).collect();
        // Setting a property of an object just made cannot fail.
        let _ = Reflect::set(&value, &"code".into(), &error.code.into());
        let _ = Reflect::set(&value, &"words".into(), &words);
        value.into()
    }
}
