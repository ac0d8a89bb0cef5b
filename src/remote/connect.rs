//! Opening a device of a server.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use burn::tensor::Device;
use burn_tensor::remote::{ConnectError, RemoteHost};

use super::{Address, RemoteError, Result, Token};

/// The devices that this process has opened. burn keeps their sessions for as long as the process lives, too.
static OPENED: Mutex<Vec<(Address, Device)>> = Mutex::new(Vec::new());

/// The devices that are open, with their servers.
pub(super) fn opened() -> MutexGuard<'static, Vec<(Address, Device)>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `device` is one that [`connect`] has opened, with or without autodiff.
pub fn is_open(device: &Device) -> bool {
    let device = device.clone().inner();
    opened().iter().any(|(_, known)| *known == device)
}

/// The first device of the server at `host`. A server that has not begun to listen is waited for (about 16 s, as burn has it), one that
/// listens and says nothing for `limit` in all.
///
/// # Errors
/// [`RemoteError::Unreachable`], [`RemoteError::Silent`], [`RemoteError::Refused`], [`RemoteError::OtherVersion`], [`RemoteError::NoServer`].
pub fn connect(host: &Address, token: Option<&Token>, limit: Duration) -> Result<Device> {
    let remote = RemoteHost::websocket(host.as_str());
    let remote = match token {
        Some(token) => remote.with_credential(token.secret()),
        None => remote,
    };
    // burn waits as long as the other side keeps the connection: by a thread of its own, which is left alone when it takes too long.
    let (answer, answered) = channel();
    let unreachable = |reason: String| RemoteError::Unreachable { host: host.clone(), reason };
    let opening = move || {
        let _ = answer.send(Device::remote_options(&remote).init());
    };
    thread::Builder::new().name("connect".into()).spawn(opening).map_err(|error| unreachable(error.to_string()))?;
    let device = match answered.recv_timeout(limit) {
        Ok(answer) => answer.map_err(|error| told(host, token.is_some(), error))?,
        Err(RecvTimeoutError::Timeout) => return Err(RemoteError::Silent { host: host.clone(), limit }),
        Err(RecvTimeoutError::Disconnected) => return Err(unreachable("the connection failed".into())),
    };
    let mut opened = opened();
    if opened.iter().all(|(_, known)| *known != device) {
        opened.push((host.clone(), device.clone()));
    }
    Ok(device)
}

/// What burn says, as this room says it.
fn told(host: &Address, given: bool, error: ConnectError) -> RemoteError {
    let host = host.clone();
    match error {
        ConnectError::Unauthorized => RemoteError::Refused { host, given },
        ConnectError::IncompatibleProtocol { client_version: client, server_version: server } => {
            RemoteError::OtherVersion { host, server, client }
        }
        ConnectError::Handshake { reason } => RemoteError::NoServer { host, reason },
        ConnectError::Unreachable { reason } => RemoteError::Unreachable { host, reason },
        other => RemoteError::Unreachable { host, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_and_says_nothing_is_waited_for_until_the_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host: Address = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
        let error = connect(&host, None, Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, RemoteError::Silent { .. }), "{error}");
        assert_eq!(error.to_string(), format!("{host} does not answer within 0.3 s"));
    }

    #[test]
    fn who_answers_in_another_protocol_is_no_server() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host: Address = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
        let page = thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        });
        let error = connect(&host, None, Duration::from_secs(60)).unwrap_err();
        assert!(error.to_string().contains(host.as_str()) && !matches!(error, RemoteError::Silent { .. }), "{error}");
        page.join().unwrap();
    }
}
