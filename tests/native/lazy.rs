//! Trainings on pictures that are read when they are needed.

use std::sync::Arc;

use mirrorgan::Error;
use mirrorgan::train::{TrainError, gan, stem, stream};
use mirrorgan::watch::{StopAfter, Unwatched};

use crate::tiny::{context, log, values};

#[test]
fn a_training_on_pictures_in_files_is_the_one_on_pictures_in_memory_even_when_stopped() {
    let folder = tempfile::tempdir().unwrap();
    // `cut` says after how many questions of the generator's training whether to stop it is stopped, to be continued.
    let train = |out: &str, memory: &str, cut: Option<usize>| {
        let phases = "gan.phases=[{stages=1,pictures=24,batch=4,trains=\"all\"}]";
        let overrides = [memory, "stem.epochs=2", "stream.epochs=2", "gan.generator.gf_dim=4", phases];
        let mut context = context(folder.path(), out, &overrides);
        stem::run(&context).unwrap();
        stream::run(&context).unwrap();
        if let Some(cut) = cut {
            context.watcher = Arc::new(StopAfter::new(cut));
            assert!(matches!(gan::run(&context), Err(TrainError::Library(Error::Interrupted))));
            (context.watcher, context.resume) = (Arc::new(Unwatched), true);
        }
        gan::run(&context).unwrap();
        context
    };
    let (whole, part) = (train("whole", "data.memory_gib=4", None), train("part", "data.memory_gib=0.0001", Some(3)));
    let losses = |kind: &str, context| {
        let mut lines = log(context, kind);
        lines.iter_mut().for_each(|line| {
            let line = line.as_object_mut().unwrap();
            line.remove("pictures_per_second");
            line.remove("data_seconds");
        });
        lines
    };
    for kind in ["stem", "stream", "gan"] {
        assert_eq!(losses(kind, &whole), losses(kind, &part), "{kind}");
    }
    let features = |out: &str| std::fs::read(folder.path().join(out).join("features/train.codes.f16")).unwrap();
    assert_eq!(features("whole"), features("part"));
    let weights = |out: &str| {
        let config = &whole.recipe.gan.generator;
        values(&gan::load(&folder.path().join(out), config, config.stages, &whole.device).unwrap())
    };
    assert_eq!(weights("whole"), weights("part"));
}
