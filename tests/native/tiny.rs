//! The whole of STEM's and STREAM's training on a data set that can be learned by heart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use mirrorgan::Error;
use mirrorgan::data::{DataOptions, Dataset, EncodedCaptions, Split, tiny};
use mirrorgan::encoder::{InceptionV3Config, InceptionVariant};
use mirrorgan::evaluate::colour_probe::Probe;
use mirrorgan::evaluate::error::{EvaluateError, Obstacle};
use mirrorgan::evaluate::figure::{Evaluation, LeftOut};
use mirrorgan::evaluate::inception::{Inception, Preprocessing};
use mirrorgan::evaluate::metric::{ATTENTION, KID, Metric, R_PRECISION, SPECTRUM};
use mirrorgan::evaluate::model::{EvaluateOptions, evaluate};
use mirrorgan::glam::GeneratorConfig;
use mirrorgan::model::{Model, ModelConfig};
use mirrorgan::nn::init::initialize;
use mirrorgan::pipeline::block_on;
use mirrorgan::stem::{TextBatch, TextEncoderConfig};
use mirrorgan::stream::Describer;
use mirrorgan::text::{Vocabulary, tokenize};
use mirrorgan::train::{Recipe, TrainContext, TrainError, stem, stream};
use mirrorgan::watch::{StopAfter, Unwatched};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub fn context(folder: &Path, out: &str, overrides: &[&str]) -> TrainContext {
    let data = folder.join("data");
    tiny::write(&data).unwrap();
    let overrides: Vec<String> = overrides.iter().map(|change| change.to_string()).collect();
    TrainContext {
        recipe: Recipe::load("tiny", &overrides).unwrap(),
        recipe_source: None,
        data: vec![data],
        out: folder.join(out),
        resume: false,
        device: Device::flex(),
        devices: Vec::new(),
        encoders: Vec::new(),
        watcher: Arc::new(Unwatched),
        deadline: None,
    }
}

/// Every value of the log, by line.
pub fn log(context: &TrainContext, kind: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(context.out.join(kind).join("log.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn stem_and_stream_learn_the_drawings_by_heart() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), "run", &[]);
    assert!(matches!(stream::run(&context), Err(TrainError::NotTrained { part: "stem", .. })));
    stem::run(&context).unwrap();
    let best = log(&context, "stem").iter().filter_map(|line| line["r_precision"].as_f64()).fold(0.0, f64::max);
    assert!(best > 0.9, "R-precision {best}");

    stream::run(&context).unwrap();
    let (_, whole) = stream::load_whole(&context).unwrap();
    let vocabulary = context.vocabulary().unwrap();
    let options = DataOptions { size: 64, ..Default::default() };
    let test = Dataset::open(&context.data, Split::Test, &options).unwrap();
    let all: Vec<usize> = (0..test.len()).collect();
    let images: Tensor<4> = test.images(&all, &vec![false; all.len()], 64, &context.device).unwrap();
    let describer = Describer::new(whole, &context.device).unwrap();
    let captions = block_on(describer.caption(images, &vocabulary)).unwrap();
    for (caption, sample) in captions.iter().zip(&test.samples) {
        assert_eq!(caption.words, tokenize(&sample.captions[0]), "{}", sample.key);
    }
    assert!(context.out.join("stream/report.html").is_file());
    every_metric_is_measured(&context, &test);
}

/// Metrics of a generator that has learned nothing, with this STEM and STREAM, which have learned everything.
fn every_metric_is_measured(context: &TrainContext, test: &Dataset) {
    let device = &context.device;
    let trained = stem::load(&context.out, device).unwrap();
    let (stream_config, stream) = stream::load_whole(context).unwrap();
    let generator_config = GeneratorConfig { features: 32, gf_dim: 4, stages: 1, ..GeneratorConfig::default() };
    let generator = generator_config.init(device);
    let config = ModelConfig::new("tiny", "drawings", trained.config.text.clone(), generator_config, Some(stream_config));
    let model = Model::new(config, trained.vocabulary, trained.model.text.clone(), generator, Some(stream)).unwrap();
    let network = InceptionV3Config { variant: InceptionVariant::Fid, width: 1.0 / 16.0, classes: Some(12) }.init(device);
    let options = EvaluateOptions {
        seed: 1,
        batch: 16,
        samples: Some(60),
        damsm: Some((trained.model.text, trained.model.damsm)),
        inception: Some(Inception { network, preprocessing: Preprocessing::PytorchFid }),
        probe: Some(Probe::Petals),
        ..Default::default()
    };
    let found = evaluate(&model, test, &options, device).unwrap();
    assert_eq!((found.pictures, found.samples, found.size), (48, 60, 64));
    let left_out: Vec<_> = found.left_out.iter().map(|left| (left.metric.as_str(), left.reason.clone())).collect();
    assert_eq!(left_out, [("judge", Obstacle::NoJudge), ("attention", Obstacle::NoAttention)]);
    for figure in &found.figures {
        assert!(figure.value.is_finite() && figure.n > 0 && !figure.protocol.is_empty(), "{figure:?}");
        // A count of what differs has none.
        let Some(interval) = figure.interval else {
            assert!(figure.name.starts_with("sentences.distinct"), "{figure:?}");
            continue;
        };
        assert!(interval.low <= interval.high && interval.high.is_finite(), "{figure:?}");
    }
    let value = |name: &str| found.value(name).unwrap_or_else(|| panic!("no {name} in {}", found.table()));
    let network = "efficientnet-lite0-width-0.25";
    assert!(value("captions.bleu_4") > 0.999 && value("captions.rouge_l") > 0.999, "{}", found.table());
    assert!(value("redescription-prompt.bleu_4") < 0.9, "{}", found.table());
    // One caption a picture: it is the prompt.
    assert_eq!(value("redescription-captions.bleu_4"), value("redescription-prompt.bleu_4"));
    let damsm = |whose: &str| value(&format!("r_precision-damsm-{network}.{whose}"));
    assert!(damsm("generated") < 0.5 && damsm("real") > 0.9, "{}", found.table());
    assert!(value(&format!("fd-{network}")) > 0.0 && value(&format!("kd-{network}")) > 0.0, "{}", found.table());
    assert!(value("fid") > 0.0 && value("is.real") >= 1.0 && value("is.generated") >= 1.0, "{}", found.table());
    assert!(found.figure("kid").is_some() && found.figure("fid").unwrap().protocol.contains("singular"));
    assert!(value(&format!("diversity-{network}.generated")) >= 0.0);
    assert!(found.figure("colour.red").is_some() && found.figure("colour.lavender").is_none());
    // Every drawing has its own caption, which STREAM knows by heart; drawings of shapes have no parts.
    let different: BTreeSet<_> = test.samples.iter().map(|sample| tokenize(&sample.captions[0])).collect();
    assert_eq!(value("sentences.distinct_of_100.real"), different.len() as f64);
    assert!(value("sentences.distinct_of_100.generated") >= 1.0 && found.figure("sentences.agreement.real").is_none());
    assert!(value("spectrum.64.peaks_2.mean.real") > 0.0 && value("spectrum.64.power_0.4-up") > 0.0, "{}", found.table());
    metrics_do_not_disturb_one_another(&model, test, options, &found, device);
}

/// A figure is the same whatever is measured beside it, and what cannot be measured is refused or left out.
fn metrics_do_not_disturb_one_another(
    model: &Model,
    test: &Dataset,
    options: EvaluateOptions,
    all: &mirrorgan::evaluate::figure::Evaluation,
    device: &Device,
) {
    let only = EvaluateOptions { metrics: Some(vec![&KID]), ..options };
    let found = evaluate(model, test, &only, device).unwrap();
    assert_eq!(found.figures.iter().collect::<Vec<_>>(), [all.figure("kid").unwrap()]);
    // Beside what draws stage by stage, too.
    let beside = EvaluateOptions { metrics: Some(vec![&KID, &SPECTRUM]), stages: true, ..only };
    let found = evaluate(model, test, &beside, device).unwrap();
    assert!(found.figures.iter().all(|figure| all.figures.contains(figure)), "{}", found.table());
    assert!(found.figures.len() > 10);
    let without = EvaluateOptions { samples: Some(1), batch: 4, ..Default::default() };
    let found = evaluate(model, test, &without, device).unwrap();
    let left_out: BTreeMap<_, _> = found.left_out.iter().map(|left| (left.metric.as_str(), left.reason.to_string())).collect();
    assert_eq!(
        left_out.keys().copied().collect::<Vec<_>>(),
        ["attention", "colours", "distance", "fid", "is", "judge", "kid", "r-precision"]
    );
    assert!(left_out["fid"].contains("pytorch-fid"), "{left_out:?}");
    let refused = EvaluateOptions { metrics: Some(vec![&R_PRECISION]), ..Default::default() };
    let error = evaluate(model, test, &refused, device).unwrap_err();
    assert!(matches!(&error, EvaluateError::Impossible(LeftOut { reason: Obstacle::NoDamsm, .. })), "{error}");
}

/// Figures of every stage, and of where words look, of a generator that has learned nothing; what else is measured stays the same.
#[test]
fn stages_and_attention_are_measured_on_the_way_to_the_same_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), "run", &[]);
    let device = &context.device;
    let dataset = Dataset::open(&context.data, Split::Test, &DataOptions { size: 128, limit: Some(24), ..Default::default() }).unwrap();
    let captions = dataset.samples.iter().flat_map(|sample| sample.captions.iter().map(String::as_str));
    let vocabulary = Vocabulary::from_captions(captions, 1).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let generator_config = GeneratorConfig { features: 8, gf_dim: 4, stages: 2, ..GeneratorConfig::default() };
    let text = TextEncoderConfig { vocabulary: vocabulary.len(), embedding: 8, features: 8, max_words: 18 };
    let generator = initialize(generator_config.init(device), &mut rng).unwrap();
    let stem = initialize(text.init(device), &mut rng).unwrap();
    let model = Model::new(ModelConfig::new("tiny", "nothing", text, generator_config, None), vocabulary, stem, generator, None).unwrap();
    let measure = |metrics: &[&'static Metric], stages| {
        let options =
            EvaluateOptions { metrics: Some(metrics.to_vec()), stages, probe: Some(Probe::Petals), batch: 5, ..Default::default() };
        evaluate(&model, &dataset, &options, device).unwrap()
    };
    let (last, all) = (measure(&[&SPECTRUM], false), measure(&[&SPECTRUM, &ATTENTION], true));
    let sizes = |found: &Evaluation| {
        found
            .figures
            .iter()
            .filter_map(|f| f.name.strip_prefix("spectrum.")?.split_once('.').map(|(size, _)| size.to_string()))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(sizes(&last).into_iter().collect::<Vec<_>>(), ["128"]);
    assert_eq!(sizes(&all).into_iter().collect::<Vec<_>>(), ["128", "64"]);
    assert!(last.figures.iter().all(|figure| all.figures.contains(figure)), "{}", all.table());
    for name in ["mean", "chance"] {
        let figure = all.figure(&format!("attention.128.{name}")).unwrap();
        assert!(figure.value.abs() <= 1.0 && figure.protocol.contains("petals"), "{figure:?}");
    }
    assert!(all.figure("attention.64.mean").is_none(), "the first stage attends to nothing");
    // Photographs that are smaller than what is drawn have no spectrum of its size.
    let small = Dataset::open(&context.data, Split::Test, &DataOptions { size: 64, ..Default::default() }).unwrap();
    let options = EvaluateOptions { metrics: Some(vec![&SPECTRUM]), ..Default::default() };
    let error = evaluate(&model, &small, &options, device).unwrap_err();
    let EvaluateError::Impossible(LeftOut { reason, .. }) = error else { panic!("{error}") };
    assert_eq!(reason, Obstacle::OtherSize { drawn: 128, photographs: 64 });
}

/// Trains `kind` in one go and in pieces, and compares the last checkpoints byte by byte.
fn pieces_are_the_whole(kind: &str, run: fn(&TrainContext) -> Result<(), TrainError>, folder: &Path, shorter: &[&str]) {
    let mut whole = context(folder, "whole", shorter);
    let mut pieces = context(folder, "pieces", shorter);
    if kind == "stream" {
        for context in [&whole, &pieces] {
            stem::run(context).unwrap();
        }
    }
    run(&whole).unwrap();
    assert!(matches!(run(&whole), Err(TrainError::AlreadyThere { .. })), "a finished training is not overwritten");
    whole.resume = true;
    run(&whole).unwrap();

    pieces.resume = true;
    let mut interrupts = 0;
    loop {
        // The features' computation asks too, so that it is interrupted as well.
        pieces.watcher = Arc::new(StopAfter::new(5));
        match run(&pieces) {
            Err(TrainError::Library(Error::Interrupted)) => interrupts += 1,
            other => break other.unwrap(),
        }
        assert!(interrupts < 100);
    }
    assert!(interrupts > 2, "{interrupts} interrupts");
    assert_eq!(log(&whole, kind), log(&pieces, kind));
    let last = |context: &TrainContext| {
        let folder = context.out.join(kind).join("checkpoints");
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.pop().unwrap()
    };
    let (a, b) = (last(&whole), last(&pieces));
    assert_eq!(a.file_name(), b.file_name());
    let weights = |folder: &Path| match kind {
        "stem" => values(&stem::load_checkpoint(folder, &Device::flex()).unwrap().model),
        _ => values(&stream::load_checkpoint(folder, &Device::flex()).unwrap().1),
    };
    assert_eq!(weights(&a), weights(&b), "the weights differ");
    assert_eq!(fs::read(a.join("adam.safetensors")).unwrap(), fs::read(b.join("adam.safetensors")).unwrap());
}

/// All weights of a module, to the bit.
pub fn values<M: burn::module::Module>(module: &M) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl burn::module::ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            let values: Vec<f32> = param.val().into_data().try_to_vec().unwrap();
            self.0.extend(values.into_iter().map(f32::to_bits));
        }
    }
    let mut bits = Bits(Vec::new());
    module.visit(&mut bits);
    bits.0
}

#[test]
fn stem_continues_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    pieces_are_the_whole("stem", stem::run, folder.path(), &["stem.epochs=4", "stem.batch=16"]);
}

#[test]
fn stream_continues_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    pieces_are_the_whole("stream", stream::run, folder.path(), &["stem.epochs=1", "stream.epochs=4", "stream.batch=8"]);
}

#[test]
fn a_trained_stem_is_loaded_with_its_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), "run", &["stem.epochs=1"]);
    stem::run(&context).unwrap();
    let trained = stem::load(&context.out, &context.device).unwrap();
    let ids = trained.vocabulary.encode("a small red circle", 18).unwrap().ids;
    assert_eq!(ids.len(), 4);
    let sentence = trained.model.text.forward(&TextBatch::new(&[ids], &context.device)).sentence;
    assert_eq!(sentence.dims(), [1, 32]);
    fs::write(context.out.join("vocab.txt"), "<end>\nred\n").unwrap();
    assert!(matches!(stem::load(&context.out, &context.device), Err(TrainError::Library(Error::BadCheckpoint { .. }))));
    let test = Dataset::open(&context.data, Split::Test, &DataOptions { size: 64, ..Default::default() }).unwrap();
    assert!(EncodedCaptions::new(&test, &trained.vocabulary).is_ok());
}
