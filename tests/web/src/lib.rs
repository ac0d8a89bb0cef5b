//! Nothing but `tests/web.rs`, the tests of `mirrorgan` in a browser.
