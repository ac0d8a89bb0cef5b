//! The discriminators: the published ones, and projected ones on frozen EfficientNet-Lite0 features.

mod augment;
mod pixels;
mod projected;
mod published;

pub use augment::Augmentation;
pub use pixels::PixelHead;
pub use projected::{ProjectedDiscriminator, ProjectedDiscriminatorConfig, ProjectedFeatures, ProjectedLogits};
pub use published::{Discriminator, DiscriminatorConfig};
