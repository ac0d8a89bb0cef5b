//! `mirrorgan info`: what a model folder holds.

use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::Device;
use clap::Args;
use serde_json::json;

use super::print;
use crate::model;
use crate::nn::running_statistics;

/// Tell what a model folder holds, and check its files.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Model folder.
    model: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: InfoArgs) -> anyhow::Result<()> {
    let model = model::read_folder(&args.model, &Device::flex())?;
    let count = |all: usize, statistics: usize| all - statistics;
    let mut parts = vec![
        ("stem", count(model.stem.num_params(), running_statistics(&model.stem))),
        ("glam", count(model.generator.num_params(), running_statistics(&model.generator))),
    ];
    if let Some(stream) = &model.stream {
        parts.push(("stream", count(stream.num_params(), running_statistics(stream))));
    }
    if let Some(matcher) = &model.matcher {
        parts.push(("damsm", matcher.num_params()));
    }
    if args.json {
        let parameters: serde_json::Map<String, serde_json::Value> =
            parts.iter().map(|(name, count)| (name.to_string(), json!(count))).collect();
        print::raw(&format!("{}\n", json!({ "config": model.config, "parameters": parameters })))?;
        return Ok(());
    }
    let stages = model.config.generator.stages;
    let of_stages = if stages == 1 { "stage" } else { "stages" };
    print::line(format_args!("{}: {} words, {stages} {of_stages}", model.config.name, model.vocabulary.len() - 1))?;
    print::line(format_args!("trained on: {}", model.config.trained_on))?;
    for (name, count) in parts {
        print::line(format_args!("{name:>8}: {count} parameters"))?;
    }
    for (name, file) in &model.config.files {
        print::line(format_args!("{name}: {} bytes, sha-256 {}, as published", file.bytes, file.sha256))?;
    }
    Ok(())
}
