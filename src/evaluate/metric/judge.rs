//! Whether pictures find their captions, in the space of a DAMSM that the generator never learned from.

use super::Metric;
use super::r_precision::{Asked, chosen_on, judged, no_rivals, sentences};
use crate::Result;
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;

/// R-precision by a held-out judge, of drawn pictures, and of photographs beside them.
pub static JUDGE: Metric = Metric {
    name: "judge",
    about: "R-precision among 100 captions by a judge that the generator never learned from",
    photographs: Networks::JUDGE,
    drawings: Networks::JUDGE,
    obstacle,
    figures,
};

fn obstacle(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    let Some(judge) = &evaluator.options.judge else { return Some(Obstacle::NoJudge) };
    let (expected, found) = (judge.damsm.code_channels(), judge.encoder.network.features());
    if expected != found {
        return Some(Obstacle::OtherEncoder { expected, found });
    }
    no_rivals(evaluator)
}

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let Evaluator { model, options, device, .. } = evaluator;
    let Some(judge) = &options.judge else { return Ok(Vec::new()) };
    let prompts: Vec<Vec<usize>> = inputs.prompts.iter().map(|prompt| judge.read(prompt, &model.vocabulary)).collect();
    let sentences = sentences(&judge.text, &prompts, options.batch, device)?;
    let kind = judge.encoder.kind();
    let mut about = format!(
        "the judge is the DAMSM of {}, which the generator never learned from, on {kind} at {} px{}",
        judge.run,
        judge.encoder.size,
        chosen_on(judge.chosen_on)
    );
    if judge.learned_from_them {
        about.push_str("; it learned from these photographs, so that their figure flatters them");
    }
    if model.config.stream.as_ref().is_some_and(|stream| stream.encoder == kind) {
        about.push_str("; the image encoder is that of the model's STREAM, too, so that it is less independent than one on another");
    }
    let network = format!("damsm-{kind} of {}", judge.run);
    let asked = Asked { captions: &inputs.prompts, sentences: &sentences };
    let rows = [inputs.drawings.judge.clone(), inputs.photographs.judge.clone()];
    judged(evaluator, &format!("judge-{kind}"), &network, &judge.damsm, asked, &rows, &about)
}
