//! End-to-end tests of the native side.

mod tiny;
