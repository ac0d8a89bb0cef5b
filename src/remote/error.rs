//! What can go wrong between a server of devices and who computes on them.

use std::net::SocketAddr;
use std::time::Duration;

use super::Address;

/// What the functions of this room return.
pub type Result<T> = std::result::Result<T, RemoteError>;

/// Everything that can go wrong with a device of another machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// A text that is no address of a server.
    #[error("{0:?} is no address of a server; expected ws://HOST:PORT")]
    BadAddress(String),
    /// A token that nobody can present.
    #[error("a token is one line of printable characters without spaces, and this one is not")]
    BadToken,
    /// Nothing listens there, or the way to it is closed.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The server.
        host: Address,
        /// What the operating system or burn says.
        reason: String,
    },
    /// Something listens there, and says nothing.
    #[error("{host} does not answer within {} s", .limit.as_secs_f64())]
    Silent {
        /// The server.
        host: Address,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The server lets nobody in without the right token.
    #[error("{host} {}", if *.given { "refuses this token" } else { "wants a token, and none is given" })]
    Refused {
        /// The server.
        host: Address,
        /// Whether a token was presented.
        given: bool,
    },
    /// Both sides were built with other versions of burn.
    #[error(
        "{host} speaks version {server} of burn's protocol and this program (mirrorgan {}) version {client}: use the same mirrorgan on both sides",
        env!("CARGO_PKG_VERSION")
    )]
    OtherVersion {
        /// The server.
        host: Address,
        /// What it speaks.
        server: u16,
        /// What this program speaks.
        client: u16,
    },
    /// Something answers that makes no sense, as servers of much older versions do.
    #[error(
        "{host} is no server that this program (mirrorgan {}) understands, or one of another version: {reason}",
        env!("CARGO_PKG_VERSION")
    )]
    NoServer {
        /// The server.
        host: Address,
        /// What is wrong with its answer.
        reason: String,
    },
    /// Sessions that were open and are no more.
    #[error("the device at {} is lost: its server has ended, or cannot be reached any more", .hosts.join(" and at "))]
    Lost {
        /// The servers.
        hosts: Vec<String>,
    },
    /// A server that anybody who reaches the machine could use.
    #[error("{listen} can be reached from other machines, and no token is given: whoever finds it could compute here")]
    OpenToAll {
        /// Where it was to listen.
        listen: SocketAddr,
    },
    /// A server that cannot listen where it was told to.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// Where it was to listen.
        listen: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A device that burn does not serve, or a server that failed.
    #[error("{0}")]
    Serve(String),
}
