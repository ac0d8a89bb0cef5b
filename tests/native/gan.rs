//! The generator's training on the drawings.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use mirrorgan::Error;
use mirrorgan::data::{DataOptions, Dataset, Split};
use mirrorgan::glam::GeneratorConfig;
use mirrorgan::model::{self, Dtype, Model, ModelConfig, tensors};
use mirrorgan::stem::TextEncoderConfig;
use mirrorgan::train::gan::{Frozen, Trainer};
use mirrorgan::train::recipe::gan::GanRecipe;
use mirrorgan::train::{TrainContext, TrainError, gan, stem, stream};
use mirrorgan::watch::{StopAfter, Unwatched};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::tiny::{context, log, values};

/// Two phases of few pictures, with every loss that a phase can have.
const SHORT: &[&str] = &[
    "data.size=128",
    "stem.epochs=2",
    "stream.epochs=2",
    "gan.generator.stages=2",
    "gan.generator.gf_dim=4",
    "gan.weights={adversarial=1.0,conditional=1.0,stream=1.0,damsm=0.1,kl=1.0}",
    "gan.phases=[{stages=1,pictures=16,batch=4,trains=\"all\"},{stages=2,pictures=8,batch=4,trains=\"last\",weights={consistency=5.0}}]",
];

fn trained(folder: &Path, out: &str, overrides: &[&str]) -> TrainContext {
    let context = context(folder, out, overrides);
    assert!(matches!(gan::run(&context), Err(TrainError::NotTrained { part: "stem", .. })));
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    context
}

/// What a training logged, but for how long it took.
fn losses(context: &TrainContext) -> Vec<serde_json::Value> {
    let mut lines = log(context, "gan");
    lines.iter_mut().for_each(|line| {
        let line = line.as_object_mut().unwrap();
        line.remove("pictures_per_second");
        line.remove("data_seconds");
    });
    lines
}

/// The bits of the generator that a training gave.
fn weights(context: &TrainContext) -> Vec<u32> {
    let config = &context.recipe.gan.generator;
    values(&gan::load(&context.out, config, config.stages, &context.device).unwrap())
}

/// A step that is wide enough for products and convolutions to be shared by several threads.
const WIDE: &[&str] = &["gan.generator.gf_dim=16", "gan.phases=[{stages=2,pictures=4,batch=4,trains=\"all\"}]"];

#[test]
fn a_training_is_the_same_to_the_bit_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let context = trained(folder.path(), &threads.to_string(), &[SHORT, WIDE].concat());
            gan::run(&context).unwrap();
            (losses(&context), weights(&context))
        })
    };
    assert!(on(3) == on(1), "three threads train something else than one");
}

#[test]
fn a_stopped_training_equals_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = trained(folder.path(), "whole", SHORT);
    gan::run(&whole).unwrap();
    assert!(matches!(gan::run(&whole), Err(TrainError::AlreadyThere { .. })), "a finished training is not overwritten");

    let mut pieces = trained(folder.path(), "pieces", SHORT);
    pieces.resume = true;
    let mut interrupts = 0;
    loop {
        pieces.watcher = Arc::new(StopAfter::new(1));
        match gan::run(&pieces) {
            Err(TrainError::Library(Error::Interrupted)) => interrupts += 1,
            other => break other.unwrap(),
        }
        assert!(interrupts < 20);
    }
    assert_eq!(interrupts, 6, "one a step");
    assert_eq!(losses(&whole), losses(&pieces));
    assert_eq!(weights(&whole), weights(&pieces));
    assert!(whole.out.join("gan/samples/00000024.png").is_file());
    assert!(whole.out.join("gan/report.html").is_file());
}

#[test]
fn every_loss_is_logged_and_the_generator_learns_to_please() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = [
        "stem.epochs=2",
        "stream.epochs=2",
        "gan.generator.gf_dim=4",
        // The generator alone learns, so its loss can only fall if its gradients are right.
        "gan.discriminator_lr=0.0",
        "gan.generator_lr=2e-3",
        "gan.weights={adversarial=1.0,conditional=1.0,stream=0.5,damsm=0.1,kl=0.1}",
        "gan.phases=[{stages=1,pictures=320,batch=16,trains=\"all\"}]",
    ];
    let context = trained(folder.path(), "run", &overrides);
    gan::run(&context).unwrap();
    let lines = log(&context, "gan");
    for name in ["adversarial", "conditional", "stream", "damsm", "kl", "discriminator", "generator"] {
        assert!(lines.iter().all(|line| line[name].as_f64().is_some_and(f64::is_finite)), "{name}");
    }
    let mean = |lines: &[serde_json::Value]| {
        lines.iter().map(|line| line["adversarial"].as_f64().unwrap() + line["conditional"].as_f64().unwrap()).sum::<f64>()
            / lines.len() as f64
    };
    let (early, late) = (mean(&lines[..4]), mean(&lines[lines.len() - 4..]));
    assert!(late < 0.9 * early, "{early} to {late}");
}

#[test]
fn a_measured_training_equals_an_unmeasured_one_and_keeps_its_best() {
    let folder = tempfile::tempdir().unwrap();
    let plain = trained(folder.path(), "plain", SHORT);
    gan::run(&plain).unwrap();
    let config = &plain.recipe.gan.generator;
    let error = gan::load_best(&plain.out, config, 2, &plain.device).unwrap_err();
    assert!(matches!(&error, TrainError::Library(Error::BadInput(message)) if message.contains("gan.measure_every")), "{error}");

    let mut measured = trained(folder.path(), "measured", &[SHORT, &["gan.measure_every=8", "gan.measure_pictures=6"]].concat());
    measured.resume = true;
    measured.watcher = Arc::new(StopAfter::new(3));
    assert!(matches!(gan::run(&measured), Err(TrainError::Library(Error::Interrupted))));
    let stages = |best: bool| gan::trained_stages(&measured.out, &measured.recipe.gan, best).unwrap();
    assert_eq!([false, true].map(stages), [1, 1]);
    measured.watcher = Arc::new(Unwatched);
    gan::run(&measured).unwrap();
    let stages = |best: bool| gan::trained_stages(&measured.out, &measured.recipe.gan, best).unwrap();
    assert_eq!([false, true].map(stages), [2, 2]);
    // Phases that the recipe has by now and the training has not had do not count, nor is forgotten what it had.
    let mut fewer = measured.recipe.gan.clone();
    fewer.phases.truncate(1);
    assert_eq!(gan::trained_stages(&measured.out, &fewer, false).unwrap(), 2);

    let weights = |context: &TrainContext| values(&gan::load(&context.out, config, 2, &context.device).unwrap());
    assert!(weights(&plain) == weights(&measured), "the averages differ");
    let lines = log(&measured, "gan");
    let losses = |lines: &[serde_json::Value]| lines.iter().map(|line| line["generator"].clone()).collect::<Vec<_>>();
    assert_eq!(losses(&log(&plain, "gan")), losses(&lines));
    let numbers = |name: &str| lines.iter().map(|line| line[name].as_f64()).collect::<Vec<_>>();
    // Steps of four pictures; phases of 16 and 8.
    assert_eq!(numbers("kernel_distance").iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false, true, false, true]);
    assert!(numbers("r_precision").iter().flatten().all(|share| (0.0..=1.0).contains(share)));

    // The only measurement of both stages is the last step's: the best average is the newest one.
    let best = values(&gan::load_best(&measured.out, config, 2, &measured.device).unwrap());
    assert!(best == weights(&measured));
}

#[test]
fn a_caption_is_drawn_in_the_place_of_a_prompt_without_a_known_word() {
    let folder = tempfile::tempdir().unwrap();
    let prompts = "gan.sample_prompts=[\"zeppelin\",\"a red circle\"]";
    let phases = "gan.phases=[{stages=1,pictures=4,batch=4,trains=\"all\"}]";
    let context = trained(folder.path(), "run", &["stem.epochs=1", "stream.epochs=1", "gan.generator.gf_dim=2", phases, prompts]);
    gan::run(&context).unwrap();
    let test = Dataset::open(&context.data, Split::Test, &DataOptions { size: 64, ..DataOptions::default() }).unwrap();
    // The recipe of the run says what is drawn, for the report.
    let written = context.out.join("gan/recipe.toml").display().to_string();
    let drawn = mirrorgan::train::Recipe::load(&written, &[]).unwrap().gan.sample_prompts;
    assert_eq!(drawn, [test.samples[0].captions[0].as_str(), "a red circle"]);
    let grid = image::open(context.out.join("gan/samples/00000004.png")).unwrap();
    assert!(grid.height() >= 2 * 64 && grid.width() >= 6 * 64);
}

#[test]
fn too_few_pictures_are_said_and_just_enough_are_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["stem.epochs=1", "stream.epochs=1", "stem.batch=2", "stream.batch=2", "gan.generator.gf_dim=2"];
    let prepared = |name: &str, pictures: usize, changes: &[&str]| {
        let phases = "gan.phases=[{stages=1,pictures=8,batch=4,accumulate=2,trains=\"all\"}]";
        let mut context = context(folder.path(), name, &[&short[..], &[phases], changes].concat());
        let drawings = Dataset::open(&context.data, Split::Train, &DataOptions { size: 64, ..DataOptions::default() }).unwrap();
        let data = folder.path().join(format!("{name}-data"));
        fs::create_dir(&data).unwrap();
        for (i, sample) in drawings.samples.iter().take(pictures).enumerate() {
            let picture = image::RgbImage::from_raw(64, 64, sample.image().unwrap().to_vec()).unwrap();
            picture.save(data.join(format!("{i}.png"))).unwrap();
            fs::write(data.join(format!("{i}.txt")), &sample.captions[0]).unwrap();
        }
        context.data = vec![data];
        stem::run(&context).unwrap();
        stream::run(&context).unwrap();
        context
    };
    for (name, pictures, changes, least) in [("accumulated", 3, &[][..], "4 or more"), ("shared", 7, &["gan.devices=2"], "8 or more")] {
        let error = gan::run(&prepared(name, pictures, changes)).unwrap_err();
        assert!(matches!(&error, TrainError::Library(Error::BadData { message, .. }) if message.contains(least)), "{error}");
    }
    gan::run(&prepared("enough", 4, &[])).unwrap();
}

#[test]
fn twins_grow_apart_in_pixels_and_in_features() {
    let folder = tempfile::tempdir().unwrap();
    let first_and_last = |measure: &str| {
        let change = format!("gan.diversity={measure}");
        let alone = [
            &change,
            "gan.weights={adversarial=0.0,conditional=0.0,stream=0.0,damsm=0.0,kl=0.0,diversity=1.0}",
            "gan.augmentation.translation=0.125",
            "gan.phases=[{stages=1,pictures=96,batch=4,trains=\"all\"}]",
        ];
        let context = trained(folder.path(), measure, &[&SHORT[..5], &alone].concat());
        gan::run(&context).unwrap();
        let losses: Vec<f64> = log(&context, "gan").iter().map(|line| line["diversity"].as_f64().unwrap()).collect();
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        (mean(&losses[..4]), mean(&losses[losses.len() - 4..]))
    };
    let [pictures, features] = ["pictures", "features"].map(first_and_last);
    assert!(pictures.1 < 0.9 * pictures.0, "{pictures:?}");
    // In an untrained generator the noise says about as much as the prompt: a share of 1, a loss of 1 / 1.05.
    assert!((features.0 - 1.0 / 1.05).abs() < 0.1 && features.1 < features.0, "{features:?}");
    assert!((pictures.0 - features.0).abs() > 1e-3, "the same pictures: {pictures:?} {features:?}");
}

/// What `context` has trained by now, as a model folder.
pub fn write_model(context: &TrainContext, folder: &Path) {
    let text = stem::load(&context.out, &context.device).unwrap();
    let stages = gan::trained_stages(&context.out, &context.recipe.gan, false).unwrap();
    let generator = gan::load(&context.out, &context.recipe.gan.generator, stages, &context.device).unwrap();
    let config = GeneratorConfig { stages, ..context.recipe.gan.generator.clone() };
    let config = ModelConfig::new("m", "drawings", text.config.text, config, None);
    let model = Model::new(config, text.vocabulary, text.model.text, generator, None).unwrap();
    model::write_folder(folder, &model, Dtype::F32).unwrap();
}

#[test]
fn a_training_goes_on_from_a_model_with_a_stage_more() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let alone = ["gan.generator.stages=1", "gan.phases=[{stages=1,pictures=8,batch=4,trains=\"all\"}]"];
    let first = trained(folder.path(), "first", &[SHORT, &alone].concat());
    gan::run(&first).unwrap();
    write_model(&first, &model);

    let start = format!("gan.start_from={}", model.display());
    let phases = "gan.phases=[{stages=2,pictures=8,batch=4,trains=\"last\"}]";
    let mut second = trained(folder.path(), "second", &[SHORT, &[&start, phases]].concat());
    let refused = |changes: &[&str]| {
        let context = context(folder.path(), "second", &[SHORT, &[&start, phases], changes].concat());
        gan::run(&context).unwrap_err()
    };
    let error = refused(&["gan.generator.gf_dim=8"]);
    assert!(
        matches!(&error, TrainError::Library(Error::BadInput(message)) if message.contains("gan.generator.gf_dim is 4 in ")),
        "{error}"
    );
    let three = ["data.size=256", "gan.generator.stages=3", "gan.phases=[{stages=3,pictures=4,batch=4,trains=\"last\"}]"];
    let error = refused(&three);
    assert!(matches!(&error, TrainError::Library(Error::BadInput(message)) if message.contains("of which 1 are trained")), "{error}");
    let error = refused(&["gan.start_from=nowhere"]);
    assert!(matches!(&error, TrainError::Library(Error::Io { path, .. }) if path.starts_with("nowhere")), "{error}");
    assert!(!second.out.join("gan").exists());

    second.watcher = Arc::new(StopAfter::new(1));
    assert!(matches!(gan::run(&second), Err(TrainError::Library(Error::Interrupted))));
    // By then it is in the checkpoint.
    fs::remove_dir_all(&model).unwrap();
    (second.resume, second.watcher) = (true, Arc::new(Unwatched));
    gan::run(&second).unwrap();
    assert_eq!(gan::trained_stages(&second.out, &second.recipe.gan, false).unwrap(), 2);
    let first_stage = |context: &TrainContext| {
        let generator = gan::load(&context.out, &context.recipe.gan.generator, 1, &context.device).unwrap();
        values(&generator).into_iter().map(f32::from_bits).collect::<Vec<_>>()
    };
    // To be averaged with itself costs it a rounding.
    let differ = first_stage(&first).into_iter().zip(first_stage(&second)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(differ < 1e-5, "the first stage is the model's: {differ}");
}

#[test]
fn patches_teach_a_stage_that_whole_pictures_are_drawn_by() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing but what makes the new stage's pictures, made smaller, those of the one before it: it falls where both see the same place.
    let phases = "gan.phases=[{stages=1,pictures=8,batch=4,trains=\"all\"},{stages=2,pictures=96,batch=4,trains=\"last\",patch=64,\
                  weights={adversarial=0.0,conditional=0.0,stream=0.0,damsm=0.0,kl=0.0,consistency=5.0}}]";
    let projected = "gan.discriminator=projected";
    let mut stopped = trained(folder.path(), "stopped", &[SHORT, &[phases, projected]].concat());
    let whole = trained(folder.path(), "whole", &[SHORT, &[phases, projected]].concat());
    gan::run(&whole).unwrap();
    stopped.watcher = Arc::new(StopAfter::new(9));
    assert!(matches!(gan::run(&stopped), Err(TrainError::Library(Error::Interrupted))));
    (stopped.resume, stopped.watcher) = (true, Arc::new(Unwatched));
    gan::run(&stopped).unwrap();
    assert_eq!(losses(&stopped), losses(&whole));
    assert!(weights(&stopped) == weights(&whole));
    let consistency: Vec<f64> = losses(&whole).iter().filter_map(|line| line.get("consistency")?.as_f64()).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&consistency[..4]), mean(&consistency[consistency.len() - 4..]));
    assert!(last < 0.8 * first, "{first} {last}");
}

#[test]
fn new_stages_begin_as_the_one_before_them() {
    let device = Device::flex();
    let stem = TextEncoderConfig { vocabulary: 5, features: 8, ..TextEncoderConfig::default() }.init(&device);
    let frozen = Frozen { stem, encoder: None, decoder: None, damsm: None, region_stride: 16, stream_encoder: None, damsm_encoder: None };
    let generator = GeneratorConfig { gf_dim: 2, features: 8, ..GeneratorConfig::default() };
    let recipe = GanRecipe { generator, df_dim: 2, ..GanRecipe::default() };
    let mut trainer = Trainer::new(recipe, frozen, &[device.autodiff()], ChaCha8Rng::seed_from_u64(1)).unwrap();
    let part = |trainer: &Trainer, name: &str| {
        let all = tensors::parse(&tensors::save(trainer.average(), Dtype::F32).unwrap(), "").unwrap();
        let of = |key: String| key.strip_prefix(name).map(str::to_string);
        let found: Vec<_> =
            all.into_iter().filter_map(|(key, value)| Some((of(key)?, value))).filter(|(key, _)| !key.contains("running")).collect();
        assert!(!found.is_empty(), "{name}");
        found
    };
    let pairs = [("heads.0.", "heads.1."), ("heads.1.", "heads.2."), ("refine.0.", "refine.1.")];
    trainer.begin_phase(3, false, 0);
    assert!(pairs.iter().all(|(a, b)| part(&trainer, a) != part(&trainer, b)), "nothing has learned yet");
    trainer.begin_phase(3, false, 1);
    for (a, b) in pairs {
        assert_eq!(part(&trainer, a), part(&trainer, b), "{a} {b}");
    }
}
