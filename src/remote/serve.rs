//! Serving a device of this machine.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use burn::tensor::Device;
use burn_tensor::server::{AuthorizationRequest, PeerAuthorizer, RemoteServer, ServerLogging, TokenAuthorizer, WebSocketTransport};

use super::{RemoteError, Result, Token};

/// Somebody who asks for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Who, as far as the network tells.
    pub from: String,
    /// Whether the session is opened.
    pub welcome: bool,
}

/// A device that others may compute on, and where it listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    device: Device,
    token: Option<TokenAuthorizer>,
}

impl Server {
    /// Listens on `listen`, an address with a port; port 0 is one that is free.
    ///
    /// # Errors
    /// [`RemoteError::OpenToAll`] when that can be reached from other machines and there is no token, [`RemoteError::Listen`].
    pub fn bind(listen: &str, device: Device, token: Option<&Token>) -> Result<Self> {
        let failed = |source| RemoteError::Listen { listen: listen.to_string(), source };
        // One address is looked up, judged and listened on, so that a name cannot mean another one afterwards.
        let address = listen.to_socket_addrs().map_err(failed)?.next();
        let address = address.ok_or_else(|| failed(std::io::ErrorKind::AddrNotAvailable.into()))?;
        if token.is_none() && !address.ip().is_loopback() {
            return Err(RemoteError::OpenToAll { listen: address });
        }
        let token = token.map(|token| TokenAuthorizer::new(token.secret())).transpose().map_err(|_| RemoteError::BadToken)?;
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, device, token })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it fails, and tells `tell` of each session that is asked for. Who computes has tensors and results of their own; the device
    /// is shared by all.
    ///
    /// # Errors
    /// [`RemoteError::Serve`] when the device cannot be served, or the network fails.
    pub fn run(self, tell: impl Fn(&Visit) + Send + Sync + 'static) -> Result<()> {
        // What sessions do, and why they end, where somebody wants to know.
        if std::env::var_os("RUST_LOG").is_some() {
            ServerLogging::install();
        }
        let token = self.token.map(Arc::new);
        let authorizer = move |request: AuthorizationRequest<'_>| {
            let from = request.client.to_string();
            let answer = token.as_ref().map_or(Ok(()), |token| token.authorize(request));
            tell(&Visit { from, welcome: answer.is_ok() });
            answer
        };
        let failed = |error: &dyn std::fmt::Display| RemoteError::Serve(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| failed(&error))?;
        let transport = WebSocketTransport::from_listener(self.listener);
        let server = RemoteServer::new([self.device]).with_authorizer(authorizer);
        runtime.block_on(server.serve_async(transport)).map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_token_only_this_machine_is_served() {
        let bind = |listen: &str, token: Option<&Token>| Server::bind(listen, Device::flex(), token);
        for open in ["0.0.0.0:0", "[::]:0"] {
            let error = bind(open, None).err().unwrap();
            assert!(matches!(error, RemoteError::OpenToAll { .. }), "{open}: {error}");
        }
        assert_ne!(bind("127.0.0.1:0", None).unwrap().address().port(), 0);
        assert!(bind("0.0.0.0:0", Some(&"secret".parse().unwrap())).is_ok());
        for nowhere in ["127.0.0.1", "127.0.0.1:x", ""] {
            assert!(matches!(bind(nowhere, None), Err(RemoteError::Listen { .. })), "{nowhere}");
        }
    }
}
