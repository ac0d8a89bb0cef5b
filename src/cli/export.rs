//! `mirrorgan export`: a training run as a model folder.

use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::Device;
use clap::Args;

use super::print;
use crate::damsm::{Matcher, MatcherConfig};
use crate::glam::GeneratorConfig;
use crate::model::{Dtype, Model, ModelConfig, write_folder};
use crate::train::{Recipe, TrainContext, TrainError, gan, stem, stream};

/// Arguments of `mirrorgan export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder of the training, with `stem`, `stream` and `gan` in it.
    #[arg(long)]
    run: PathBuf,
    /// The model folder; an older one is replaced, its model card kept.
    #[arg(long)]
    out: PathBuf,
    /// How weights are written.
    #[arg(long, value_enum, default_value = "f16")]
    dtype: Dtype,
    /// Weights of STREAM's image encoder, those that the training had; the files of other encoders may be given too.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
    /// Only the first stages; by default those that are trained.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    stages: Option<u8>,
    /// The generator with the least kernel distance (gan.measure_every), not the newest.
    #[arg(long)]
    best: bool,
    /// The model's name; by default the name of the folder.
    #[arg(long)]
    name: Option<String>,
    /// What the model was trained on, in words.
    #[arg(long)]
    trained_on: String,
}

/// Runs the command.
pub fn run(args: ExportArgs) -> anyhow::Result<()> {
    let recipe_file = args.run.join(gan::KIND).join("recipe.toml");
    if !recipe_file.is_file() {
        return Err(TrainError::NotTrained { part: gan::KIND, run: args.run }.into());
    }
    let recipe = Recipe::load(&recipe_file.display().to_string(), &[])?;
    let device = Device::flex();
    let (trained, all) = (gan::trained_stages(&args.run, &recipe.gan, args.best)?, recipe.gan.generator.stages);
    let stages = args.stages.map_or(trained, usize::from);
    anyhow::ensure!(trained > 0, "the generator of {} has not learned anything yet", args.run.display());
    anyhow::ensure!(stages <= trained, "--stages {stages}: the training has come to stage {trained} of {all}");
    if stages < all && args.stages.is_none() {
        print::note(format_args!(
            "the training has come to stage {trained} of {all}: the model draws {} px",
            GeneratorConfig::picture_size(trained - 1)
        ));
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => args.out.file_name().context("--out names no folder")?.to_string_lossy().into_owned(),
    };
    let context = TrainContext::of_trained(recipe, &args.run, &args.encoders, &device);
    let text = stem::load(&args.run, &device)?;
    let (stream_config, stream) = stream::load_whole(&context)?;
    let load = if args.best { gan::load_best } else { gan::load };
    let generator = load(&args.run, &context.recipe.gan.generator, stages, &device)?;
    let config = GeneratorConfig { stages, ..context.recipe.gan.generator };
    let config = ModelConfig::new(name, args.trained_on, text.config.text.clone(), config, Some(stream_config.clone()));
    let (stems, seen) = stem::trained_on(&args.run)?;
    let mut model = Model::new(config, text.vocabulary, text.model.text, generator, Some(stream))?;
    if seen.kind == stream_config.encoder {
        let matcher = MatcherConfig { damsm: text.config.damsm, region_stride: stems.stem.region_stride, image_size: seen.size };
        let head = Matcher::new(text.model.damsm, &matcher);
        model = model.with_matcher(matcher, head)?;
    } else {
        let (stem, stream) = (seen.kind, stream_config.encoder);
        print::note(format_args!("the model cannot match pictures with words: STEM was trained with {stem}, and STREAM has {stream}"));
    }
    write_folder(&args.out, &model, args.dtype)?;
    print::note(format_args!("wrote {}; `mirrorgan info {}` tells what is in it", args.out.display(), args.out.display()));
    Ok(())
}
