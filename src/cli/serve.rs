//! `mirrorgan serve`: a device of this machine for programs on others.

use std::sync::mpsc::channel;

use anyhow::Context;
use clap::Args;

use super::device::{DeviceChoice, TokenArgs};
use super::print;
use crate::Error;
use crate::remote::Server;

/// Let other machines compute on a device of this one, until Ctrl-C.
///
/// They name it with `--device remote:ws://HOST:PORT`, or among others with `--devices`. What goes over the network is not encrypted: a token
/// keeps strangers out of a network that you trust. Elsewhere, take a tunnel, such as `ssh -L`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// What computes.
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Address and port. One that other machines can reach needs a token.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    listen: String,
    #[command(flatten)]
    token: TokenArgs,
}

/// Runs the command.
pub fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let token = args.token.read()?;
    let device = args.device.open_to_serve()?;
    let (end, ended) = channel();
    let interrupted = end.clone();
    let on_ctrl_c = move || {
        let _ = interrupted.send(Err(Error::Interrupted.into()));
    };
    ctrlc::set_handler(on_ctrl_c).context("Ctrl-C cannot be handled")?;
    let name = format!("{device:?}");
    let server = Server::bind(&args.listen, device, token.as_ref())?;
    let lock = if token.is_some() { "a token" } else { "no token" };
    print::line(format_args!(
        "serving {name} at ws://{}, with {lock}, in burn's protocol of mirrorgan {}",
        server.address(),
        env!("CARGO_PKG_VERSION")
    ))?;
    let told = |visit: &crate::remote::Visit| {
        print::note(format_args!("{}: {}", visit.from, if visit.welcome { "connected" } else { "refused, for its token is another" }));
    };
    let serving = move || {
        let _ = end.send(server.run(told).map_err(anyhow::Error::from));
    };
    std::thread::Builder::new().name("serve".into()).spawn(serving).context("no thread can be had")?;
    ended.recv().context("the server's thread has ended")?
}
