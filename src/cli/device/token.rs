//! The token of servers. It is never an argument: those can be read by everybody on the machine.

use std::path::PathBuf;

use clap::Args;

/// Where the token is.
#[derive(Debug, Clone, Default, Args)]
pub struct TokenArgs {
    /// File with the token of the server of a remote device; without it, the environment variable MIRRORGAN_TOKEN has it, where there is one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[cfg(feature = "remote")]
impl TokenArgs {
    /// The environment variable.
    const VARIABLE: &str = "MIRRORGAN_TOKEN";

    /// The token; nothing where there is none.
    ///
    /// # Errors
    /// When the file cannot be read, or what is given is no token.
    pub fn read(&self) -> anyhow::Result<Option<crate::remote::Token>> {
        use anyhow::Context;

        let (text, place) = match &self.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| crate::Error::io(path, error))?;
                (text, path.display().to_string())
            }
            None => match std::env::var(Self::VARIABLE) {
                Ok(text) if !text.is_empty() => (text, Self::VARIABLE.to_string()),
                Ok(_) | Err(std::env::VarError::NotPresent) => return Ok(None),
                Err(error) => return Err(error).context(Self::VARIABLE),
            },
        };
        Ok(Some(text.parse().with_context(|| place)?))
    }
}

#[cfg(all(test, feature = "remote"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_token_or_is_refused_by_name() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("token");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            TokenArgs { token_file: Some(path.clone()) }.read()
        };
        assert!(read("abc\n").unwrap() == Some("abc".parse().unwrap()));
        for bad in ["", "a b", "a\nb\n"] {
            let error = format!("{:#}", read(bad).err().unwrap());
            assert!(error.contains("token: a token is one line"), "{bad:?}: {error}");
            assert!(bad.is_empty() || !error.contains(bad), "a message tells no token");
        }
        let missing = TokenArgs { token_file: Some(place.path().join("nowhere")) };
        assert!(format!("{:#}", missing.read().err().unwrap()).contains("nowhere"));
    }
}
