//! What STEM, STREAM and the generator learn from: the splits of the data as a recipe wants them, checked before anything is learned.

use std::path::{Path, PathBuf};

use super::apart;
use super::error;
use super::features::Features;
use super::frozen_encoder::FrozenEncoder;
use super::run::TrainContext;
use super::run::checkpoint::Loaded;
use super::run::examples::Shown;
use super::stem;
use crate::data::{DataOptions, Dataset, EncodedCaptions, Split};
use crate::text::Vocabulary;
use crate::{Result, files};

/// A split as the recipe wants it, without what has no word of `vocabulary`.
pub(super) fn open(context: &TrainContext, split: Split, vocabulary: &Vocabulary) -> Result<Dataset> {
    open_at(context, split, vocabulary, context.recipe.data.size)
}

/// The same with pictures of `size` pixels.
pub(super) fn open_at(context: &TrainContext, split: Split, vocabulary: &Vocabulary, size: usize) -> Result<Dataset> {
    known(context, read(context, split, size)?, vocabulary)
}

/// What choices are measured on: the validation part where the recipe holds one back, else the test part, where the data have one.
pub(super) fn open_measured(context: &TrainContext, vocabulary: &Vocabulary) -> Result<Option<Dataset>> {
    let split = context.recipe.data.chosen_on();
    if split == Split::Validation {
        return open(context, split, vocabulary).map(Some);
    }
    let found = Dataset::find(&context.data, split, &options(context, context.recipe.data.size))?;
    found.map(|dataset| known(context, dataset, vocabulary)).transpose()
}

/// Checks that a training goes on with its own data, and writes down what of them was skipped.
///
/// # Errors
/// As [`Loaded::same_data`]; nothing has been written then.
pub(super) fn going_on(context: &TrainContext, start: Option<&Loaded>, train: &Dataset, measured: Option<&Dataset>) -> Result<()> {
    if let Some(start) = start {
        start.same_data(train)?;
    }
    note_skipped(context, Split::Train, train);
    if let Some(measured) = measured {
        note_skipped(context, context.recipe.data.chosen_on(), measured);
    }
    Ok(())
}

pub(super) fn read(context: &TrainContext, split: Split, size: usize) -> Result<Dataset> {
    Dataset::open(&context.data, split, &options(context, size))
}

fn options(context: &TrainContext, size: usize) -> DataOptions {
    DataOptions { size, watcher: context.watcher.clone(), ..context.recipe.data.options() }
}

pub(super) fn known(context: &TrainContext, mut dataset: Dataset, vocabulary: &Vocabulary) -> Result<Dataset> {
    dataset.retain_known(vocabulary, context.recipe.data.max_skipped)?;
    for problem in &dataset.skipped {
        context.say(&format!("skipped {problem}"));
    }
    if apart::one_class(&mut dataset) {
        context.warn(&format!("{}: all pictures are of one class, which tells nothing apart: each counts as a class of its own", dataset.layout));
    }
    Ok(dataset)
}

/// Warns where a part is to learn from other captions than STEM did: words that are new since have no number.
pub(super) fn warn_of_other_captions(context: &TrainContext, train: &Dataset) {
    let begun = stem::trained(&context.out, stem::KIND).ok().and_then(|loaded| loaded.state.annotations);
    if begun.is_some_and(|begun| begun != train.annotations()) {
        context.warn(
            "STEM was trained with other captions or classes than the data hold now: words that it does not know are left out; to have them, \
             train it anew in another folder",
        );
    }
}

/// Writes down what was skipped, once it is clear that the training can go on.
fn note_skipped(context: &TrainContext, split: Split, dataset: &Dataset) {
    // For the report, which is not worth ending a training for.
    let path = skipped_path(&context.out, split);
    let lines: String = dataset.skipped.iter().map(|problem| format!("{problem}\n")).collect();
    if let Err(error) = files::write(&path, lines.as_bytes()) {
        context.warn(&format!("{error}; the report will not name what was skipped"));
    }
}

/// RUN/skipped-SPLIT.txt: a line for each sample that could not be used.
pub(super) fn skipped_path(run: &Path, split: Split) -> PathBuf {
    run.join(format!("skipped-{}.txt", split.name()))
}

/// RUN/vocab.txt when a training goes on, else a new one from the training captions.
pub(super) fn vocabulary(context: &TrainContext, train: &Dataset) -> error::Result<Vocabulary> {
    let path = context.out.join("vocab.txt");
    if context.resume && path.is_file() {
        return context.vocabulary();
    }
    let captions = train.samples.iter().flat_map(|sample| sample.captions.iter().map(String::as_str));
    let vocabulary = Vocabulary::from_captions(captions, context.recipe.data.min_word_count)?;
    files::write(&path, vocabulary.to_text().as_bytes())?;
    Ok(vocabulary)
}

/// A split with everything that is computed from it beforehand.
#[derive(Debug)]
pub(super) struct Prepared {
    pub dataset: Dataset,
    pub captions: EncodedCaptions,
    pub features: Features,
    /// The pictures that reports show of what is measured on.
    pub shown: Shown,
}

impl Prepared {
    pub fn new(
        context: &TrainContext,
        encoder: &FrozenEncoder,
        mut dataset: Dataset,
        split: Split,
        vocabulary: &Vocabulary,
        regions: Option<usize>,
    ) -> Result<Self> {
        let captions = EncodedCaptions::new(&dataset, vocabulary)?;
        if split == Split::Train {
            apart::check(&context.data_names(), &dataset, &captions)?;
        }
        let features = Features::open(context, encoder, &dataset, split, regions)?;
        let shown = Shown::of(&dataset);
        // From here on only the features are looked at.
        dataset.forget_pictures();
        Ok(Self { dataset, captions, features, shown })
    }
}
