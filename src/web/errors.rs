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

impl From<Error> for WebError {
    fn from(error: Error) -> Self {
        let (code, message) = (error.code(), error.to_string());
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
