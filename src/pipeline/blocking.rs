//! The engine for programs that may wait: natively every call runs to its end on the calling thread.

use std::path::Path;

use burn::tensor::Device;

use super::{Engine, GenerateOptions, Generation, Picture, StageEvent, TextMatch, block_on};
use crate::Result;
use crate::model::read_folder;
use crate::stream::{Caption, CaptionOptions};

impl Engine {
    /// Reads a model folder, checks each of its files, and puts the model on `device`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) for a file that is not there; [`Error::BadModel`](crate::Error::BadModel) and
    /// [`Error::Integrity`](crate::Error::Integrity) for one that is not what `config.json` says.
    pub fn open(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::new(read_folder(folder.as_ref(), device)?, device.clone())
    }

    /// [`Engine::generate`], waiting for the last stage of the last picture.
    ///
    /// # Errors
    /// As [`Engine::generate`].
    pub fn draw(&self, prompt: &str, options: &GenerateOptions) -> Result<Generation> {
        self.draw_stages(prompt, options, |_| Ok(()))
    }

    /// [`Engine::draw`], which tells each stage to `on_stage` as soon as it is there. An error from `on_stage` ends the call with it.
    ///
    /// # Errors
    /// As [`Engine::generate`].
    pub fn draw_stages(
        &self,
        prompt: &str,
        options: &GenerateOptions,
        mut on_stage: impl FnMut(&StageEvent) -> Result<()>,
    ) -> Result<Generation> {
        block_on(self.generate(prompt, options, async |event: &StageEvent| on_stage(event)))
    }

    /// [`Engine::caption`], waiting for the words.
    ///
    /// # Errors
    /// As [`Engine::caption`].
    pub fn describe(&self, picture: &Picture) -> Result<Caption> {
        block_on(self.caption(picture))
    }

    /// [`Engine::captions`], waiting for the sentences.
    ///
    /// # Errors
    /// As [`Engine::captions`].
    pub fn describe_in(&self, picture: &Picture, options: &CaptionOptions) -> Result<Vec<Caption>> {
        block_on(self.captions(picture, options, async || Ok(())))
    }

    /// [`Engine::match_text`], waiting for the figures.
    ///
    /// # Errors
    /// As [`Engine::match_text`].
    pub fn compare(&self, picture: &Picture, text: &str) -> Result<TextMatch> {
        block_on(self.match_text(picture, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::tiny;
    use crate::model::{Dtype, write_folder};
    use crate::{Error, pipeline::GeneratedPicture};

    #[test]
    fn what_waits_draws_what_is_awaited() {
        let place = tempfile::tempdir().unwrap();
        write_folder(&place.path().join("model"), &tiny(), Dtype::F32).unwrap();
        let engine = Engine::open(place.path().join("model"), &Device::flex()).unwrap();
        let options = GenerateOptions { seed: 3, count: 2, caption: true, ..GenerateOptions::default() };
        let awaited = block_on(engine.generate("red bird", &options, async |_| Ok(()))).unwrap();
        let mut told = Vec::new();
        let keep = |event: &StageEvent| {
            told.push(event.clone());
            Ok(())
        };
        let drawn = engine.draw_stages("red bird", &options, keep).unwrap();
        assert_eq!(drawn, awaited);
        assert_eq!(drawn, engine.draw("red bird", &options).unwrap());
        let stages: Vec<StageEvent> = drawn.pictures.iter().flat_map(|picture| picture.stages.clone()).collect();
        assert_eq!(told, stages);
        let GeneratedPicture { stages, .. } = &drawn.pictures[0];
        assert_eq!(engine.describe(&stages[1].image).unwrap(), block_on(engine.caption(&stages[1].image)).unwrap());
    }

    #[test]
    fn an_error_of_the_listener_ends_the_call() {
        let engine = Engine::new(tiny(), Device::flex()).unwrap();
        let mut told = 0;
        let stop = |_: &StageEvent| {
            told += 1;
            Err(Error::Interrupted)
        };
        assert!(matches!(engine.draw_stages("red", &GenerateOptions::default(), stop), Err(Error::Interrupted)));
        assert_eq!(told, 1);
        assert!(matches!(Engine::open("nowhere", &Device::flex()), Err(Error::Io { .. })));
    }
}
