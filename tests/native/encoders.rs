//! Training through the published image encoders, made narrow: DAMSM through Inception-v3, STREAM through ResNet.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use mirrorgan::Error;
use mirrorgan::data::{DataOptions, Dataset, Split};
use mirrorgan::encoder::{EncoderKind, InceptionVariant};
use mirrorgan::evaluate::error::{EvaluateError, Obstacle};
use mirrorgan::evaluate::figure::LeftOut;
use mirrorgan::evaluate::metric::R_PRECISION;
use mirrorgan::evaluate::model::{EvaluateOptions, evaluate};
use mirrorgan::import;
use mirrorgan::model::{self, Dtype, Model, ModelConfig, tensors};
use mirrorgan::pipeline::block_on;
use mirrorgan::stream::Describer;
use mirrorgan::train::frozen_encoder::FrozenEncoder;
use mirrorgan::train::recipe::EncoderUse;
use mirrorgan::train::{TrainContext, TrainError, gan, stem, stream};

use crate::tiny::{context, log, values};

/// Both networks, and discriminators that need none.
const PUBLISHED: [&str; 11] = [
    "data.encoder_width=0.0625",
    "stem.encoder=inception-v3",
    "stem.encoder_size=75",
    "stem.epochs=2",
    "stream.encoder=resnet-18",
    "stream.encoder_size=32",
    "stream.epochs=2",
    "gan.generator.gf_dim=4",
    "gan.discriminator=published",
    "gan.weights={adversarial=1.0,conditional=1.0,stream=1.0,damsm=0.5,kl=0.1}",
    "gan.phases=[{stages=1,pictures=16,batch=8,trains=\"all\"}]",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn set(context: &mut TrainContext, change: impl Fn(&mut mirrorgan::train::Recipe)) {
    change(&mut context.recipe);
}

#[test]
fn stem_stream_and_generator_train_through_inception_and_resnet() {
    let folder = tempfile::tempdir().unwrap();
    let mut context = context(folder.path(), "run", &PUBLISHED);
    stem::run(&context).unwrap();
    let trained = stem::load(&context.out, &context.device).unwrap();
    assert_eq!((trained.config.damsm.region_channels, trained.config.damsm.code_channels), (48, 128));
    stream::run(&context).unwrap();
    let (config, _) = stream::load(&context.out, &context.device).unwrap();
    assert_eq!((config.encoder, config.image_size, config.image_features), (EncoderKind::Resnet18, 32, 32));

    // Neither has overwritten the other's features, and only DAMSM's have regions.
    let length = |name: &str| fs::metadata(context.out.join("features").join(name)).map_or(0, |file| file.len());
    assert!(length("train-inception-v3-75.regions.f16") > 0 && length("train-inception-v3-75.codes.f16") > 0);
    assert!(length("train-resnet-18-32-codes.codes.f16") > 0 && length("test-inception-v3-75-codes.codes.f16") > 0);
    assert_eq!(length("train-resnet-18-32-codes.regions.f16"), 0);

    let kept = context.recipe.clone();
    set(&mut context, |recipe| recipe.stream.encoder = EncoderKind::Resnet34);
    assert!(
        matches!(gan::run(&context), Err(TrainError::Library(Error::BadInput(message))) if message.contains("resnet-34") && message.contains("resnet-18"))
    );
    context.recipe = kept;
    set(&mut context, |recipe| recipe.stem.encoder = EncoderKind::EfficientnetLite0);
    assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::BadInput(message))) if message.contains("stem.encoder")));
    set(&mut context, |recipe| recipe.stem.encoder = EncoderKind::InceptionV3);

    gan::run(&context).unwrap();
    let lines = log(&context, "gan");
    assert_eq!(lines.len(), 2);
    // Hinge losses have either sign.
    for (name, least) in [("adversarial", f64::MIN), ("stream", 0.0), ("damsm", 0.0)] {
        assert!(lines.iter().all(|line| line[name].as_f64().is_some_and(|loss| loss.is_finite() && loss > least)), "{name}: {lines:?}");
    }
    a_model_folder_keeps_its_encoder(&context, &folder.path().join("model"));
}

fn a_model_folder_keeps_its_encoder(context: &TrainContext, folder: &Path) {
    let device = &context.device;
    let trained = stem::load(&context.out, device).unwrap();
    let (stream_config, stream) = stream::load_whole(context).unwrap();
    let generator_config = context.recipe.gan.generator.clone();
    let generator = gan::load(&context.out, &generator_config, 1, device).unwrap();
    let config = ModelConfig::new("tiny", "drawings", trained.config.text.clone(), generator_config, Some(stream_config));
    let model = Model::new(config, trained.vocabulary, trained.model.text, generator, Some(stream)).unwrap();
    model::write_folder(folder, &model, Dtype::F32).unwrap();
    let json = fs::read_to_string(folder.join("config.json")).unwrap();
    assert!(json.contains("\"encoder\": \"resnet-18\""), "{json}");
    let read = model::read_folder(folder, device).unwrap();
    let [before, after] = [&model, &read].map(|model| model.stream.as_ref().unwrap());
    assert_eq!(after.encoder.kind(), EncoderKind::Resnet18);
    assert_eq!(values(before), values(after));
    let caption = |model: &Model| {
        let images = Tensor::<4>::ones([1, 3, 64, 64], device);
        let describer = Describer::new(model.stream.clone().unwrap(), device).unwrap();
        block_on(describer.caption(images, &model.vocabulary)).unwrap()
    };
    assert_eq!(caption(&model), caption(&read));

    r_precision_looks_through_damsms_encoder(context, &model);

    // Features of another number than the encoder's would only show when a picture is described.
    let wrong = json.replace("\"image_features\": 32", "\"image_features\": 48");
    assert_ne!(wrong, json);
    fs::write(folder.join("config.json"), wrong).unwrap();
    let message = model::read_folder(folder, device).unwrap_err().to_string();
    assert!(message.contains("image_features is 48; expected 32"), "{message}");
}

fn r_precision_looks_through_damsms_encoder(context: &TrainContext, model: &Model) {
    let trained = stem::load(&context.out, &context.device).unwrap();
    let test = Dataset::open(&context.data, Split::Test, &DataOptions { size: 64, ..Default::default() }).unwrap();
    let (_, seen) = stem::trained_on(&context.out).unwrap();
    assert_eq!((seen.kind, seen.size), (EncoderKind::InceptionV3, 75));
    let measure = |damsm_encoder| {
        let damsm = Some((trained.model.text.clone(), trained.model.damsm.clone()));
        let options = EvaluateOptions { metrics: Some(vec![&R_PRECISION]), samples: Some(4), damsm, damsm_encoder, ..Default::default() };
        evaluate(model, &test, &options, &context.device)
    };
    let encoder = FrozenEncoder::of_damsm(context, model.config.stream.as_ref()).unwrap();
    assert!(encoder.is_some());
    let figures = measure(encoder).unwrap().figures;
    assert!(figures.iter().any(|figure| figure.name == "r_precision-damsm-inception-v3.real" && figure.value.is_finite()));
    let error = measure(None).unwrap_err();
    let EvaluateError::Impossible(LeftOut { reason: Obstacle::OtherEncoder { expected, found }, .. }) = error else { panic!("{error}") };
    assert_eq!([expected.max(found), expected.min(found)], [128, 32]);
}

/// The networks of the fixtures as `mirrorgan import` writes them.
fn imported(folder: &Path) -> [PathBuf; 2] {
    let resnet = import::resnet(&fixture("resnet_18_narrow.pth"), 1.0 / 32.0).unwrap().without_classifier();
    let inception =
        import::inception_v3(&fixture("inception_v3_narrow.pth"), InceptionVariant::Torchvision, 1.0 / 64.0).unwrap().without_classifier();
    let files = ["resnet.safetensors", "inception.safetensors"].map(|name| folder.join(name));
    fs::write(&files[0], tensors::save(&resnet, Dtype::F32).unwrap()).unwrap();
    fs::write(&files[1], tensors::save(&inception, Dtype::F32).unwrap()).unwrap();
    files
}

#[test]
fn each_encoder_is_found_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let [resnet, inception] = imported(folder.path());
    let seen = |kind| EncoderUse { kind, size: 96 };
    let mut context = context(folder.path(), "run", &["data.encoder_width=0.03125"]);
    context.encoders = vec![inception.clone(), resnet.clone()];
    let found = FrozenEncoder::load(&context, seen(EncoderKind::Resnet18)).unwrap();
    let expected = import::resnet(&fixture("resnet_18_narrow.pth"), 1.0 / 32.0).unwrap().without_classifier();
    assert_eq!(values(&found.network), values(&expected));
    let drawn = FrozenEncoder::load(&context, seen(EncoderKind::Resnet34)).unwrap();
    assert!(drawn.fingerprint.contains("random") && drawn.fingerprint != found.fingerprint);

    let message = |context: &TrainContext, kind| FrozenEncoder::load(context, seen(kind)).unwrap_err().to_string();
    // A 64th as wide, where a 32nd is asked for.
    let narrow = message(&context, EncoderKind::InceptionV3);
    assert!(narrow.contains("inception.safetensors") && narrow.contains("expected"), "{narrow}");
    context.recipe.data.encoder_width = 1.0;
    let absent = message(&context, EncoderKind::Resnet152);
    assert!(absent.contains("the weights of resnet-152"), "{absent}");
    context.encoders = vec![resnet.clone(), resnet];
    assert!(message(&context, EncoderKind::Resnet18).contains("both hold resnet-18"));
    let pickle = fixture("resnet_18_narrow.pth");
    context.encoders = vec![pickle];
    assert!(message(&context, EncoderKind::Resnet18).contains("resnet_18_narrow.pth: not the weights"));
}

#[test]
fn files_that_are_not_the_network_are_refused_by_key() {
    let refused = |result: mirrorgan::Result<()>, parts: &[&str]| {
        let message = result.unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    let resnet = |name: &str, width| import::resnet(&fixture(name), width).map(|_| ());
    let inception = |name: &str, variant, width| import::inception_v3(&fixture(name), variant, width).map(|_| ());
    refused(resnet("resnet_18_narrow.pth", 1.0), &["resnet_18_narrow.pth", "conv1", "[2]", "expected [64]"]);
    refused(resnet("inception_v3_narrow.pth", 1.0), &["[0, 0, 0, 0]", "[3, 8, 36, 3]"]);
    refused(inception("resnet_50_narrow.pth", InceptionVariant::Torchvision, 1.0), &["resnet_50_narrow.pth", "not part of"]);
    let narrow = "inception_v3_narrow.pth";
    refused(inception(narrow, InceptionVariant::Fid, 1.0), &[narrow, "expected ["]);
    let load = import::published_inception_v3;
    refused(load(&fixture(narrow), InceptionVariant::Torchvision, &Device::flex()).map(|_| ()), &[narrow, "expected ["]);
}
