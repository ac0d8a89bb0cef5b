//! Devices of other machines, on `burn-remote`: a server computes what a client's tensors ask for, and only what the client reads comes back.
//!
//! The wire, its handshake and its versions are burn's. What is here is what it leaves to a program: who may connect ([`Token`], [`Server`]), how
//! long one waits (`connect`), and which server is gone when a computation fails (`watch`).
//!
//! The transport is burn's plain WebSocket: a token keeps strangers out of a network that can be trusted, and hides nothing from who reads along.

mod address;
mod connect;
mod error;
mod serve;
mod watch;

pub use address::{Address, Token};
pub use connect::{connect, is_open};
pub use error::{RemoteError, Result};
pub use serve::{Server, Visit};
pub use watch::watch;
