//! Why metrics cannot be measured, as data: whoever calls knows by them what would help, the command line by a flag.

use super::figure::LeftOut;
use super::inception;
use crate::Error;

/// What keeps a metric from being measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The network of FID, KID and IS is not given.
    #[error("it needs the weights of FID's Inception-v3: {}", inception::WEIGHTS)]
    NoInception,
    /// The network of FID, KID and IS has no classifier.
    #[error("the Inception-v3 has no classifier")]
    NoClassifier,
    /// The model has no STREAM.
    #[error("this model has no STREAM, whose image encoder it needs")]
    NoStream,
    /// The judge of R-precision is not given.
    #[error("it compares in the space of DAMSM, which is in the training run and not in the model")]
    NoDamsm,
    /// No held-out judge is given.
    #[error("it compares in the space of a DAMSM that the generator never learned from, which is in another training run")]
    NoJudge,
    /// The held-out judge is the DAMSM that the generator learned with.
    #[error("this judge is the DAMSM of the model's own training, which taught the generator")]
    OwnTeacher,
    /// The judge of R-precision does not fit the image encoder.
    #[error("the judge compares codes of {expected} values and the image encoder gives {found}: it was trained on another")]
    OtherEncoder {
        /// Values of a code of the judge.
        expected: usize,
        /// Values that the encoder gives.
        found: usize,
    },
    /// No caption is another picture's rival: there is one picture, or all captions are the same words.
    #[error("no test picture has a caption that another one's could be taken for: there is one picture, or all captions are the same")]
    OneClass,
    /// Nothing is drawn that could be looked at.
    #[error("no picture is to be drawn")]
    NoDrawings,
    /// Sets of so few pictures have no distance.
    #[error("it compares {drawn} drawn pictures with {photographs} photographs; both have to be at least 2")]
    TooFew {
        /// Pictures that are drawn.
        drawn: usize,
        /// Test photographs.
        photographs: usize,
    },
    /// Neither was a colour probe named nor is there one that the vocabulary speaks of.
    #[error("the vocabulary knows neither petals nor birds, and no other probe is named")]
    NoProbe,
    /// The generator has no word attention.
    #[error("this generator has no stage that attends to words")]
    NoAttention,
    /// No caption speaks of one of the probe's colours.
    #[error("no caption names a colour of the probe of {probe}")]
    NoColourWord {
        /// What the probe asks for.
        probe: &'static str,
    },
    /// Photographs cannot be brought to the size of drawn pictures.
    #[error("photographs are read at {photographs} px, which is no multiple of the {drawn} px that are drawn")]
    OtherSize {
        /// Width and height of drawn pictures.
        drawn: usize,
        /// Width and height of photographs.
        photographs: usize,
    },
    /// The model knows none of the probe's colours.
    #[error("the model knows no colour of the probe of {probe}")]
    NoColour {
        /// What the probe asks for.
        probe: &'static str,
    },
}

impl serde::Serialize for Obstacle {
    /// In words.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What [`evaluate`](super::model::evaluate) fails with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// What is not peculiar to evaluations.
    #[error(transparent)]
    Library(#[from] Error),
    /// A metric that was asked for cannot be measured.
    #[error("{}: {}", .0.metric, .0.reason)]
    Impossible(LeftOut),
    /// Nothing was asked for, and nothing can be measured.
    #[error("nothing can be measured: {}", told(.0))]
    Nothing(Vec<LeftOut>),
}

impl EvaluateError {
    /// Metrics that cannot be measured and stood in the way.
    pub fn left_out(&self) -> &[LeftOut] {
        match self {
            Self::Library(_) => &[],
            Self::Impossible(left_out) => std::slice::from_ref(left_out),
            Self::Nothing(left_out) => left_out,
        }
    }
}

fn told(left_out: &[LeftOut]) -> String {
    left_out.iter().map(|LeftOut { metric, reason }| format!("{metric}: {reason}")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_that_is_left_out_is_named_with_its_reason_and_no_flag() {
        let left_out = vec![LeftOut { metric: "fid".into(), reason: Obstacle::NoInception }, LeftOut { metric: "is".into(), reason: Obstacle::NoClassifier }];
        let nothing = EvaluateError::Nothing(left_out.clone()).to_string();
        assert!(nothing.starts_with("nothing can be measured: fid: it needs") && nothing.ends_with("; is: the Inception-v3 has no classifier"));
        assert!(!nothing.contains("--"), "{nothing}");
        let json = serde_json::to_value(&left_out[1]).unwrap();
        assert_eq!(json, serde_json::json!({ "metric": "is", "reason": "the Inception-v3 has no classifier" }));
    }
}
