//! MirrorGAN (Qiao, Zhang, Xu and Tao, CVPR 2019, arXiv 1903.05854): text to image to text, in one crate.
//!
//! A caption walks through the rooms of this crate in order: [`text`] splits it into words, [`stem`] embeds them,
//! [`glam`] draws pictures of 64, 128 and 256 pixels from them, and [`stream`] describes the last picture in words again.
//! [`pipeline`] is the walk as one call; the command line and the browser both use it.
//!
//! The model code is the same lines natively and on wasm32. Training ([`train`](crate)), evaluation and the command line exist
//! natively only, the JavaScript face on wasm32 only.

// The first floor draws and describes, natively and in the browser.
pub mod encoder;
pub mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod files;
pub mod glam;
pub mod model;
pub mod nn;
pub mod picture;
pub mod pipeline;
pub mod readback;
pub mod stem;
pub mod stream;
pub mod text;

/// The second floor, which learns and measures, in rooms that see only each other and the first floor.
macro_rules! lab {
    ($($room:ident),* $(,)?) => {$(
        #[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
        pub mod $room;
    )*};
}
lab!(compare, damsm, data, discriminator, evaluate, import, loss, report, train, watch);

// The doors.
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod cli;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use error::{Error, Result};
