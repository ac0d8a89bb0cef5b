//! Where a server is, and what lets one in.

use std::fmt;
use std::str::FromStr;

use super::{RemoteError, Result};

/// `ws://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || RemoteError::BadAddress(text.to_string());
        let (host, port) = text.strip_prefix("ws://").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
        // An IPv6 address is in brackets.
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let known = bare.map_or_else(|| host.chars().all(named), |bare| bare.parse::<std::net::Ipv6Addr>().is_ok());
        match port.parse::<u16>() {
            Ok(1..) if known && !host.is_empty() => Ok(Self(text.to_string())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a server asks of who connects. It is in no message of this program.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token itself.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = RemoteError;

    /// Line ends and spaces around it, such as editors leave, don't count.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let usable = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        if usable { Ok(Self(text.to_string())) } else { Err(RemoteError::BadToken) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["ws://localhost:3000", "ws://10.0.0.7:1", "ws://[::1]:65535", "ws://gpu-1.example_net:80"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for bad in [
            "localhost:3000",
            "http://localhost:3000",
            "wss://localhost:3000",
            "ws://localhost",
            "ws://:3000",
            "ws://localhost:0",
            "ws://localhost:65536",
            "ws://localhost:3000/",
            "ws://a b:3000",
            "ws://user@host:3000",
            "ws://::1:3000",
            "ws://[x]:3000",
            "ws://[]:3000",
            "",
        ] {
            assert!(matches!(bad.parse::<Address>(), Err(RemoteError::BadAddress(found)) if found == bad), "{bad}");
        }
    }

    #[test]
    fn a_token_is_one_word_that_no_message_tells() {
        assert_eq!(" abc-1\r\n".parse::<Token>().unwrap().secret(), "abc-1");
        for bad in ["", "\n", "two words", "two\nlines", "h\u{e9}"] {
            assert!(matches!(bad.parse::<Token>(), Err(RemoteError::BadToken)), "{bad:?}");
        }
        assert_eq!(format!("{:?}", "abc".parse::<Token>().unwrap()), "Token");
    }
}
