//! STREAM on the test photographs: BLEU, CIDEr-D and ROUGE-L against all references.

use super::Metric;
use crate::Result;
use crate::evaluate::caption_scores::caption_figures;
use crate::evaluate::evaluator::{Evaluator, Inputs, Whose};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;

/// How well photographs are described.
pub static CAPTIONS: Metric = Metric {
    name: "captions",
    about: "STREAM's captions of the test pictures: BLEU, CIDEr-D, ROUGE-L",
    photographs: Networks::STREAM,
    drawings: Networks::NONE,
    obstacle: |_| None,
    figures,
};

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let captions = evaluator.sentences(inputs, Whose::Photographs)?;
    let protocol = format!(
        "STREAM's greedy description of each {} photograph against all captions of it, both split into words as for STEM (not by \
         pycocoevalcap's PTB tokenizer); BLEU over the corpus",
        evaluator.part()
    );
    Ok(caption_figures("captions", &captions, &evaluator.references(captions.len()), &protocol, &mut inputs.bootstrap))
}
