//! How devices are named: `cpu`, `remote:ws://HOST:PORT`, and several of them.

use std::ffi::OsStr;
use std::str::FromStr;

use burn::tensor::Device;
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser, ValueParserFactory};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, ValueEnum};

use super::{DeviceChoice, TokenArgs};

/// What a device of another machine is named with.
const REMOTE: &str = "remote:";

/// What `--device` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceName {
    /// One of this machine.
    Local(DeviceChoice),
    /// The one that a server elsewhere serves.
    Remote(Server),
}

#[cfg(feature = "remote")]
type Server = crate::remote::Address;

/// Nothing can be reached.
#[cfg(not(feature = "remote"))]
type Server = std::convert::Infallible;

impl Default for DeviceName {
    fn default() -> Self {
        Self::Local(DeviceChoice::Auto)
    }
}

impl DeviceName {
    /// The burn device; that of a server is connected to.
    ///
    /// # Errors
    /// As [`DeviceChoice::open`]; [`crate::remote::RemoteError`].
    pub fn open(&self, token: &TokenArgs) -> anyhow::Result<Device> {
        match self {
            Self::Local(choice) => choice.open(),
            #[cfg(feature = "remote")]
            Self::Remote(host) => {
                /// burn waits for 16 s for a server that is about to begin.
                const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);
                Ok(crate::remote::connect(host, token.read()?.as_ref(), LIMIT)?)
            }
            #[cfg(not(feature = "remote"))]
            Self::Remote(nowhere) => {
                let _ = token;
                match *nowhere {}
            }
        }
    }

    /// The server that a text names with `remote:` before it.
    fn server(text: &str) -> Option<Result<Self, String>> {
        text.strip_prefix(REMOTE).map(|address| server(address).map(Self::Remote))
    }
}

#[cfg(feature = "remote")]
fn server(address: &str) -> Result<Server, String> {
    address.parse().map_err(|error: crate::remote::RemoteError| error.to_string())
}

#[cfg(not(feature = "remote"))]
fn server(address: &str) -> Result<Server, String> {
    Err(format!("{address} is on another machine, and this binary computes on none; build with `--features remote`"))
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::server(text).unwrap_or_else(|| {
            let names = || DeviceChoice::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let unknown = |_| {
                let names: Vec<String> = names().map(|value| value.get_name().to_string()).collect();
                format!("{text:?} is no device; expected {} or {REMOTE}ws://HOST:PORT", names.join(", "))
            };
            DeviceChoice::from_str(text, false).map(Self::Local).map_err(unknown)
        })
    }
}

/// Parses a [`DeviceName`], and shows what there is in the help.
#[derive(Debug, Clone, Copy)]
pub struct DeviceNames;

impl ValueParserFactory for DeviceName {
    type Parser = DeviceNames;

    fn value_parser() -> DeviceNames {
        DeviceNames
    }
}

impl DeviceNames {
    /// The kind of name that has an address in it, for the help.
    fn remote() -> PossibleValue {
        PossibleValue::new("remote:ws://HOST:PORT").help(if cfg!(feature = "remote") {
            "The device of another machine, on which `mirrorgan serve` runs"
        } else {
            "The device of another machine (feature `remote`)"
        })
    }
}

impl TypedValueParser for DeviceNames {
    type Value = DeviceName;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<DeviceName, clap::Error> {
        match value.to_str().and_then(DeviceName::server) {
            Some(Ok(name)) => Ok(name),
            Some(Err(message)) => {
                let named = arg.map_or_else(String::new, |arg| format!("{arg}: "));
                Err(clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{named}{message}\n")).with_cmd(command))
            }
            None => {
                let local = EnumValueParser::<DeviceChoice>::new().parse_ref(command, arg, value);
                local.map(DeviceName::Local).map_err(|mut error| {
                    let names = self.possible_values().into_iter().flatten().map(|value| value.get_name().to_string());
                    error.insert(ContextKind::ValidValue, ContextValue::Strings(names.collect()));
                    error
                })
            }
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let local = DeviceChoice::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        Some(Box::new(local.chain([Self::remote()])))
    }
}

/// What `--devices` takes: how many, or which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedDevices {
    /// So many of the kind of `--device`.
    Count(usize),
    /// These.
    Named(Vec<DeviceName>),
}

impl SharedDevices {
    /// How many.
    pub fn count(&self) -> usize {
        match self {
            Self::Count(count) => *count,
            Self::Named(names) => names.len(),
        }
    }

    /// Which, where they are named.
    pub fn named(&self) -> &[DeviceName] {
        match self {
            Self::Count(_) => &[],
            Self::Named(names) => names,
        }
    }
}

impl FromStr for SharedDevices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(count) => Ok(Self::Count(count)),
            Err(_) => text.split(',').map(DeviceName::from_str).collect::<Result<_, _>>().map(Self::Named),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_counted_or_named() {
        let parse = SharedDevices::from_str;
        assert_eq!(parse("2").unwrap(), SharedDevices::Count(2));
        let names = parse("cpu,cuda").unwrap();
        assert_eq!(names.named(), [DeviceName::Local(DeviceChoice::Cpu), DeviceName::Local(DeviceChoice::Cuda)]);
        assert_eq!(names.count(), 2);
        for wrong in ["", "cpu,", "-1", "gpu", "cpu,,cpu", "cpu cpu"] {
            let error = parse(wrong).unwrap_err();
            assert!(
                error.contains("is no device; expected auto, cuda,") && error.ends_with("or remote:ws://HOST:PORT"),
                "{wrong}: {error}"
            );
        }
    }

    #[cfg(feature = "remote")]
    #[test]
    fn a_server_is_named_by_its_address() {
        let names: SharedDevices = "cpu,remote:ws://[::1]:3000,remote:ws://gpu:3000".parse().unwrap();
        assert_eq!(names.named()[2], DeviceName::Remote("ws://gpu:3000".parse().unwrap()));
        let error = SharedDevices::from_str("cpu,remote:gpu:3000").unwrap_err();
        assert_eq!(error, "\"gpu:3000\" is no address of a server; expected ws://HOST:PORT");
    }

    #[cfg(not(feature = "remote"))]
    #[test]
    fn without_the_feature_it_is_said_how_to_get_it() {
        assert!("remote:ws://gpu:3000".parse::<DeviceName>().unwrap_err().contains("--features remote"));
    }
}
