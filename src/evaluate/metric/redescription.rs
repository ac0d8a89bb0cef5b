//! STREAM on drawn pictures, against the captions that they were drawn for: the mirror of the paper.

use super::Metric;
use crate::Result;
use crate::evaluate::caption_scores::caption_figures;
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs, Whose};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;

/// How much of a prompt is in the description of its picture.
pub static REDESCRIPTION: Metric = Metric {
    name: "redescription",
    about: "STREAM's captions of generated pictures against their prompts, and against all captions of the same test picture",
    photographs: Networks::NONE,
    drawings: Networks::STREAM,
    obstacle: |evaluator| (evaluator.samples == 0).then_some(Obstacle::NoDrawings),
    figures,
};

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let captions = evaluator.sentences(inputs, Whose::Drawings)?;
    let of_prompt: Vec<_> = inputs.prompts[..evaluator.samples].iter().map(|ids| vec![evaluator.model.vocabulary.decode(ids)]).collect();
    let protocol = "STREAM's greedy description of each drawn picture against its prompt, the known words of one caption";
    let mut figures = caption_figures("redescription-prompt", &captions, &of_prompt, protocol, &mut inputs.bootstrap);
    let protocol = "STREAM's greedy description of each drawn picture against all captions of the photograph that its prompt was written for";
    let references = evaluator.references(captions.len());
    figures.extend(caption_figures("redescription-captions", &captions, &references, protocol, &mut inputs.bootstrap));
    Ok(figures)
}
