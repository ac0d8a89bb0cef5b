//! The comparison of the paper's tables: the same STEM, STREAM, data and number of pictures for every member of the family.

pub mod error;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use self::error::CompareError;
use crate::evaluate::figure::{Evaluation, Figure};
use crate::glam::{Architecture, GeneratorConfig};
use crate::model::{Model, ModelConfig};
use crate::train::recipe::term::Term;
use crate::train::run::lock::RunLock;
use crate::train::run::starting_point;
use crate::train::{Recipe, TrainContext, gan, stem, stream};
use crate::{Error, Result};

/// AttnGAN's λ for CUB (Xu et al. 2018, section 4).
const ATTNGAN_DAMSM: f64 = 5.0;

/// A network of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Member {
    /// StackGAN++: no attention, no matching loss.
    #[serde(rename = "stackgan++")]
    StackGan,
    /// AttnGAN: word attention, DAMSM's loss (the recipe's weight, else λ = 5), no STREAM.
    #[serde(rename = "attngan")]
    AttnGan,
    /// MirrorGAN as the recipe has it.
    #[serde(rename = "mirrorgan")]
    MirrorGan,
    /// MirrorGAN with word attention alone. Unlike AttnGAN it learns from STREAM, and from DAMSM only where the recipe says so.
    #[serde(rename = "no-sentence-attention")]
    NoSentence,
    /// MirrorGAN with λ = 0.
    #[serde(rename = "no-stream")]
    NoStream,
}

impl Member {
    /// All, in the order of the table.
    pub const ALL: [Self; 5] = [Self::StackGan, Self::AttnGan, Self::MirrorGan, Self::NoSentence, Self::NoStream];

    /// Its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::StackGan => "stackgan++",
            Self::AttnGan => "attngan",
            Self::MirrorGan => "mirrorgan",
            Self::NoSentence => "no-sentence-attention",
            Self::NoStream => "no-stream",
        }
    }

    /// Its name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::StackGan => "StackGAN++",
            Self::AttnGan => "AttnGAN",
            Self::MirrorGan => "MirrorGAN",
            Self::NoSentence => "MirrorGAN without sentence attention",
            Self::NoStream => "MirrorGAN without STREAM",
        }
    }

    /// `recipe` for this member: another architecture, other losses, everything else the same.
    pub fn recipe(self, recipe: &Recipe) -> Recipe {
        let mut recipe = recipe.clone();
        recipe.gan.generator.architecture = match self {
            Self::StackGan => Architecture::StackGan,
            Self::AttnGan | Self::NoSentence => Architecture::AttnGan,
            Self::MirrorGan | Self::NoStream => Architecture::MirrorGan,
        };
        let weights = &mut recipe.gan.weights;
        match self {
            Self::StackGan => (weights[Term::Stream], weights[Term::Damsm]) = (0.0, 0.0),
            Self::AttnGan => {
                weights[Term::Stream] = 0.0;
                if weights[Term::Damsm] == 0.0 {
                    weights[Term::Damsm] = ATTNGAN_DAMSM;
                }
            }
            Self::NoStream => weights[Term::Stream] = 0.0,
            Self::MirrorGan | Self::NoSentence => {}
        }
        for other in recipe.gan.phases.iter_mut().filter_map(|phase| phase.weights.as_mut()) {
            match self {
                Self::StackGan => (other[Term::Stream], other[Term::Damsm]) = (Some(0.0), Some(0.0)),
                // A phase that names DAMSM's weight says itself whether it takes part.
                Self::AttnGan | Self::NoStream => other[Term::Stream] = Some(0.0),
                Self::MirrorGan | Self::NoSentence => {}
            }
        }
        recipe
    }

    fn context(self, whole: &TrainContext) -> TrainContext {
        TrainContext { recipe: self.recipe(&whole.recipe), out: whole.out.join(self.folder()), ..whole.clone() }
    }

    /// What its folder was trained with: the recipe there, or the one that is asked for where there is none.
    ///
    /// # Errors
    /// [`Error::BadRecipe`] and [`Error::Io`] as [`Recipe::load`] gives them.
    pub fn trained_with(self, whole: &TrainContext) -> Result<TrainContext> {
        let mut own = self.context(whole);
        let file = own.out.join(gan::KIND).join("recipe.toml");
        if file.is_file() {
            own.recipe = Recipe::load(&file.display().to_string(), &[])?;
        }
        Ok(own)
    }
}

/// Trains STEM and STREAM in `context.out`, then every member in a folder of its own. Goes on where it stopped when the context
/// says so.
///
/// # Errors
/// As [`RunLock::take`] and the parts' trainings, which refuse a comparison that is there already where `resume` was not asked for; [`CompareError::CannotBegin`].
pub fn train(context: &TrainContext, members: &[Member]) -> Result<(), CompareError> {
    let alone = RunLock::take(context)?;
    // Refused before STEM learns.
    for member in members {
        let own = member.context(context);
        if own.recipe.gan.start_from.is_some() && starting_point(&own, gan::KIND)?.is_none() {
            gan::check_start(&own.recipe.gan, &own.device).map_err(|error| match error {
                Error::BadInput(_) => CompareError::CannotBegin { member: *member, reason: error },
                other => other.into(),
            })?;
        }
    }
    stem::run_alone(context, &alone)?;
    stream::run_alone(context, &alone)?;
    for member in members {
        let own = member.context(context);
        if gan::finished(&own.out, &own.recipe.gan)? {
            continue;
        }
        context.say(member.title());
        fs::create_dir_all(&own.out).map_err(|error| Error::io(&own.out, error))?;
        for name in ["vocab.txt", "stem", "stream"] {
            share(&context.out, &own.out, name)?;
        }
        gan::run(&own)?;
    }
    Ok(())
}

/// Lets DIR/member/NAME be DIR/NAME, so that a member is a whole run that can be exported.
#[cfg(unix)]
fn share(_whole: &Path, member: &Path, name: &str) -> Result<()> {
    let link = member.join(name);
    if link.symlink_metadata().is_ok() {
        return Ok(());
    }
    std::os::unix::fs::symlink(Path::new("..").join(name), &link).map_err(|error| Error::io(&link, error))
}

/// Without links, a copy.
#[cfg(not(unix))]
fn share(whole: &Path, member: &Path, name: &str) -> Result<()> {
    let (from, to) = (whole.join(name), member.join(name));
    if from.is_file() {
        fs::copy(&from, &to).map_err(|error| Error::io(&to, error))?;
        return Ok(());
    }
    fs::create_dir_all(&to).map_err(|error| Error::io(&to, error))?;
    for entry in fs::read_dir(&from).map_err(|error| Error::io(&from, error))? {
        let name = entry.map_err(|error| Error::io(&from, error))?.file_name();
        share(&from, &to, &name.to_string_lossy())?;
    }
    Ok(())
}

/// The model that a member's training has made, with the running average of its generator.
///
/// # Errors
/// [`TrainError::NotTrained`](crate::train::TrainError::NotTrained) when it has not been trained; as [`Member::trained_with`].
pub fn model(context: &TrainContext, member: Member) -> Result<Model, CompareError> {
    let own = member.trained_with(context)?;
    let text = stem::load(&context.out, &context.device)?;
    let (stream_config, stream) = stream::load_whole(&TrainContext { out: context.out.clone(), ..own.clone() })?;
    let config: GeneratorConfig = own.recipe.gan.generator.clone();
    // Phases may leave out the last stages, which would draw noise.
    let stages = gan::trained_stages(&own.out, &own.recipe.gan, false)?;
    let generator = gan::load(&own.out, &config, stages, &context.device)?;
    let config = GeneratorConfig { stages, ..config };
    let config = ModelConfig::new(member.title(), "the data of the comparison", text.config.text, config, Some(stream_config));
    Ok(Model::new(config, text.vocabulary, text.model.text, generator, Some(stream))?)
}

/// The members that have been trained to the end of the recipe that is in their folder, whatever the context's says.
///
/// # Errors
/// [`Error::BadCheckpoint`]; as [`Member::trained_with`].
pub fn trained(context: &TrainContext, members: &[Member]) -> Result<Vec<Member>> {
    let mut found = Vec::new();
    for member in members {
        let own = member.trained_with(context)?;
        if gan::finished(&own.out, &own.recipe.gan)? {
            found.push(*member);
        }
    }
    Ok(found)
}

/// A row of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Who.
    pub member: Member,
    /// What was measured.
    pub evaluation: Evaluation,
}

/// Figures that a comparison shows: those that depend on the generator.
fn shown(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for figure in rows.iter().flat_map(|row| &row.evaluation.figures) {
        if !names.contains(&figure.name) {
            names.push(figure.name.clone());
        }
    }
    names
}

fn cell(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return "–".into() };
    let number = crate::evaluate::figure::number;
    match &figure.interval {
        Some(interval) if interval.is_deviation() => format!("{} ± {}", number(figure.value), number((interval.high - interval.low) / 2.0)),
        Some(interval) => format!("{} [{}, {}]", number(figure.value), number(interval.low), number(interval.high)),
        None => number(figure.value),
    }
}

fn cells(rows: &[Row]) -> Vec<Vec<String>> {
    let names = shown(rows);
    let mut table = vec![std::iter::once("network".to_string()).chain(names.iter().cloned()).collect::<Vec<_>>()];
    for row in rows {
        let values = names.iter().map(|name| cell(row.evaluation.figure(name)));
        table.push(std::iter::once(row.member.title().to_string()).chain(values).collect());
    }
    table
}

/// The table for a terminal.
pub fn text(rows: &[Row]) -> String {
    let table = cells(rows);
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &table {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    text + &notes(rows)
}

/// The table as Markdown.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for (index, row) in cells(rows).iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if index == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    text + &notes(rows)
}

/// How the figures were measured; the same for all rows.
fn notes(rows: &[Row]) -> String {
    let mut text = String::new();
    let Some(row) = rows.first() else { return text };
    let evaluation = &row.evaluation;
    let _ = writeln!(
        text,
        "\n{} pictures drawn by each, {} test photographs, seed {}.",
        evaluation.samples, evaluation.pictures, evaluation.seed
    );
    for name in shown(rows) {
        let figures = || rows.iter().filter_map(|row| row.evaluation.figure(&name));
        let Some(figure) = figures().next() else { continue };
        // Its kind alone: the numbers are each row's own.
        let interval = figures().find_map(|figure| figure.interval.as_ref()).map_or(String::new(), |interval| {
            let sign = if interval.is_deviation() { "±" } else { "[low, high]" };
            format!("; {sign}: {}", interval.meaning())
        });
        let network = figure.network.as_ref().map_or(String::new(), |network| format!("; features: {network}"));
        let _ = writeln!(text, "\n{name}: n = {}; {}{network}{interval}", figure.n, figure.protocol);
    }
    text
}

/// Where the table is written: `table.txt`, `table.md`, `table.json` and `grid.png`.
pub fn files(out: &Path) -> [PathBuf; 4] {
    ["table.txt", "table.md", "table.json", "grid.png"].map(|name| out.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::interval::{Interval, IntervalKind};

    #[test]
    fn members_differ_in_architecture_and_losses_alone() {
        let recipe = Recipe::load("fast", &["gan.weights.damsm=0".into()]).unwrap();
        let of = |member: Member| member.recipe(&recipe);
        assert_eq!(of(Member::MirrorGan), recipe);
        let attngan = of(Member::AttnGan);
        assert_eq!((attngan.gan.weights[Term::Stream], attngan.gan.weights[Term::Damsm]), (0.0, 5.0));
        // The first phase on a later stage leaves it out.
        let phase = attngan.gan.phases.iter().find(|phase| phase.stages > 1).unwrap();
        assert_eq!(phase.weights.unwrap()[Term::Damsm], Some(0.0));
        let words = of(Member::NoSentence);
        assert_eq!((words.gan.generator.architecture, words.gan.weights), (Architecture::AttnGan, recipe.gan.weights));
        assert_eq!(of(Member::NoStream).gan.weights[Term::Stream], 0.0);
        assert_eq!(of(Member::StackGan).gan.generator.architecture, Architecture::StackGan);
        for member in Member::ALL {
            let own = of(member);
            let pictures = |recipe: &Recipe| recipe.gan.phases.iter().map(|phase| phase.pictures).collect::<Vec<_>>();
            assert_eq!((own.stem, own.stream, own.data), (recipe.stem.clone(), recipe.stream.clone(), recipe.data.clone()));
            assert_eq!(pictures(&own_gan(member, &recipe)), pictures(&recipe));
        }
    }

    fn own_gan(member: Member, recipe: &Recipe) -> Recipe {
        member.recipe(recipe)
    }

    #[test]
    fn the_recipe_in_a_members_folder_comes_before_the_one_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let [asked, own] = ["fast", "tiny"].map(|name| Recipe::load(name, &[]).unwrap());
        let whole = TrainContext::of_trained(asked.clone(), folder.path(), &[], &burn::tensor::Device::flex());
        let trained = Member::AttnGan.recipe(&own);
        crate::files::write(&folder.path().join("attngan/gan/recipe.toml"), trained.to_toml().unwrap().as_bytes()).unwrap();
        assert_eq!(Member::AttnGan.trained_with(&whole).unwrap().recipe, trained);
        assert_eq!(Member::NoStream.trained_with(&whole).unwrap().recipe, Member::NoStream.recipe(&asked));
        crate::files::write(&folder.path().join("no-stream/gan/recipe.toml"), b"[gan]\nphase = 1\n").unwrap();
        let error = Member::NoStream.trained_with(&whole).unwrap_err().to_string();
        assert!(error.contains("no-stream") && error.contains("phase"), "{error}");
    }

    /// A row with a figure of each kind of interval.
    fn row(member: Member, score: f64, half: f64) -> Row {
        let figure = |name: &str, kind, value: f64, parts| Figure {
            name: name.into(),
            value,
            interval: Some(Interval { kind, low: value - half, high: value + half, parts }),
            n: 20,
            references: None,
            network: None,
            protocol: "as usual".into(),
        };
        let figures =
            vec![figure("is", IntervalKind::StdOverSplits, score, 10), figure("fid", IntervalKind::Jackknife95, 10.0 * score, 10)];
        let (model, left_out) = (member.title().into(), Vec::new());
        Row { member, evaluation: Evaluation { model, pictures: 12, samples: 20, size: 64, seed: 3, figures, left_out } }
    }

    #[test]
    fn each_column_says_once_what_its_intervals_are() {
        let rows = [row(Member::AttnGan, 4.0, 0.25), row(Member::MirrorGan, 5.0, 0.5)];
        for text in [text(&rows), markdown(&rows)] {
            for part in ["4.0000 ± 0.2500", "5.0000 ± 0.5000", "40.0000 [39.7500, 40.2500]", "50.0000 [49.5000, 50.5000]"] {
                assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
            }
            let (_, notes) = text.split_once("seed 3.").unwrap();
            assert!(notes.contains("is: n = 20; as usual; ±: std over 10 splits\n"), "{notes}");
            assert!(notes.contains("fid: n = 20; as usual; [low, high]: 95 %, jackknife\n"), "{notes}");
            assert!(!notes.contains("0.25") && !notes.contains("39.75"), "no row's own numbers: {notes}");
        }
    }
}
