//! Choices are made on what is held back of the training data, and the test part is not looked at before the end.

use std::collections::BTreeSet;
use std::fs;

use mirrorgan::Error;
use mirrorgan::data::{DataOptions, Dataset, Split, Validation};
use mirrorgan::train::{TrainContext, TrainError, gan, stem, stream};

use super::tiny::{context, log};

const SHORT: [&str; 6] = [
    "stem.epochs=1",
    "stream.epochs=1",
    "gan.generator.gf_dim=2",
    "gan.measure_every=8",
    "gan.measure_pictures=8",
    "gan.phases=[{stages=1,pictures=8,batch=4,trains=\"all\"}]",
];

fn train(context: &TrainContext) -> Result<(), TrainError> {
    stem::run(context)?;
    stream::run(context)?;
    gan::run(context)
}

#[test]
fn everything_is_chosen_on_what_is_held_back_and_the_test_part_is_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut context = context(folder.path(), "run", &[&SHORT[..], &["data.validation=0.25"]].concat());
    let options = DataOptions { size: 64, validation: Validation::new(0.25, 0), ..Default::default() };
    let open = |split| Dataset::open(&context.data, split, &options).unwrap();
    let [all, learned, held] = [open(Split::Test), open(Split::Train), open(Split::Validation)];
    assert_eq!((all.len(), learned.len() + held.len()), (48, 48));
    let digests = |dataset: &Dataset| dataset.samples.iter().map(|sample| sample.digest.clone()).collect::<BTreeSet<_>>();
    assert!(digests(&learned).is_disjoint(&digests(&held)) && held.len() > 4);
    let without = DataOptions { validation: None, ..options.clone() };
    assert!(matches!(Dataset::open(&context.data, Split::Validation, &without), Err(Error::BadInput(_))));

    // A test part that cannot be read once its classes are known.
    let test = context.data[0].join("tiny-test-000.tar");
    let mut bytes = fs::read(&test).unwrap();
    let pictures: Vec<usize> = bytes.windows(4).enumerate().filter(|(_, four)| *four == b"\x89PNG").map(|(at, _)| at).collect();
    assert_eq!(pictures.len(), 48);
    pictures.into_iter().for_each(|at| bytes[at..at + 4].fill(0));
    fs::write(&test, bytes).unwrap();
    assert!(Dataset::open(&context.data, Split::Test, &options).is_err());
    train(&context).unwrap();
    for (part, figure) in [("stem", "r_precision"), ("stream", "bleu_4"), ("gan", "kernel_distance")] {
        assert!(log(&context, part).iter().any(|line| line[figure].is_f64()), "{part}");
        assert!(context.out.join(part).join("best").is_dir(), "{part}");
    }
    let there = |name: &str| context.out.join(name).is_file();
    assert!(there("skipped-validation.txt") && !there("skipped-test.txt"));
    assert!(there("features/validation-codes.json") && !there("features/test-codes.json"));
    let examples = fs::read_to_string(context.out.join("stem/examples.jsonl")).unwrap();
    assert!(held.samples.iter().any(|sample| examples.contains(&sample.key)));
    assert!(!learned.samples.iter().any(|sample| examples.contains(&sample.key)));
    let report = fs::read_to_string(context.out.join("report.html")).unwrap();
    assert!(report.contains("Metrics on the validation part") && !report.contains("test part"), "the report says what it was measured on");

    // Going on with another part would learn from what was held back.
    context.resume = true;
    context.recipe.data.validation_seed = 1;
    let error = stem::run(&context).unwrap_err().to_string();
    assert!(error.contains("data.validation"), "{error}");
}

#[test]
fn nothing_is_held_back_where_nothing_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), "run", &["stem.epochs=1"]);
    assert_eq!((context.recipe.data.validation, context.recipe.data.chosen_on()), (0.0, Split::Test));
    stem::run(&context).unwrap();
    assert!(context.out.join("skipped-test.txt").is_file() && !context.out.join("skipped-validation.txt").exists());
    let report = fs::read_to_string(context.out.join("report.html")).unwrap();
    assert!(report.contains("Metrics on the test part"));
}
