//! Which metrics there are, and what each needs.

use crate::evaluate::colour_probe::Probe;
use crate::evaluate::inception::{self, Inception};
use crate::evaluate::pictures::Studio;

/// Groups of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// STREAM on the test photographs: BLEU, CIDEr-D, ROUGE-L against all references.
    Captions,
    /// STREAM on drawn pictures, against the captions that they were drawn for.
    Redescription,
    /// Fréchet and kernel distance between drawn pictures and photographs on the features of STREAM's image encoder.
    Distance,
    /// Fréchet inception distance; needs FID's Inception.
    Fid,
    /// Kernel inception distance; needs FID's Inception.
    Kid,
    /// Inception score; needs FID's Inception.
    InceptionScore,
    /// Whether pictures find their captions; needs the DAMSM of a training run.
    RPrecision,
    /// How much pictures of one prompt differ.
    Diversity,
    /// Whether petals or birds have the colour that is asked for.
    Colours,
}

impl Metric {
    /// Every one, in the order of the figures.
    pub const ALL: [Self; 9] = [
        Self::Captions,
        Self::Redescription,
        Self::Distance,
        Self::Fid,
        Self::Kid,
        Self::InceptionScore,
        Self::RPrecision,
        Self::Diversity,
        Self::Colours,
    ];

    /// Its name on the command line and in what is left out.
    pub fn name(self) -> &'static str {
        match self {
            Self::Captions => "captions",
            Self::Redescription => "redescription",
            Self::Distance => "distance",
            Self::Fid => "fid",
            Self::Kid => "kid",
            Self::InceptionScore => "is",
            Self::RPrecision => "r-precision",
            Self::Diversity => "diversity",
            Self::Colours => "colours",
        }
    }

    fn needs_stream(self) -> bool {
        !matches!(self, Self::Fid | Self::Kid | Self::InceptionScore | Self::Colours)
    }

    pub(super) fn needs_inception(self) -> bool {
        matches!(self, Self::Fid | Self::Kid | Self::InceptionScore)
    }

    /// Why it cannot be measured with this network of FID, KID and IS; none where it can, or needs no such network.
    pub fn lacks_inception(self, inception: Option<&Inception>) -> Option<String> {
        match inception {
            _ if !self.needs_inception() => None,
            None => Some(format!("it needs the weights of FID's Inception-v3, given by --inception FILE: {}", inception::WEIGHTS)),
            Some(inception) => {
                (self == Self::InceptionScore && inception.network.classes().is_none()).then(|| "the Inception-v3 has no classifier".into())
            }
        }
    }
}

/// Why a metric cannot be measured.
pub(super) fn obstacle(studio: &Studio, samples: usize, metric: Metric) -> Option<String> {
    let Studio { model, dataset, options, .. } = studio;
    if metric.needs_stream() && model.stream.is_none() {
        return Some("this model has no STREAM, whose image encoder it needs".into());
    }
    if let Some(reason) = metric.lacks_inception(options.inception.as_ref()) {
        return Some(reason);
    }
    let pictures = dataset.len();
    if let (Metric::RPrecision, Some((_, damsm))) = (metric, &options.damsm) {
        let own = options.judge_encoder.as_ref().map(|encoder| encoder.network.features());
        let found = own.or(model.config.stream.as_ref().map(|config| config.image_features)).unwrap_or(0);
        if found != damsm.code_channels() {
            let expected = damsm.code_channels();
            return Some(format!(
                "the judge compares codes of {expected} values and the image encoder gives {found}: it was trained on another"
            ));
        }
    }
    match metric {
        Metric::Distance | Metric::Fid | Metric::Kid if pictures < 2 || samples < 2 => {
            Some(format!("it compares {samples} drawn pictures with {pictures} photographs; both have to be at least 2"))
        }
        Metric::Redescription | Metric::InceptionScore if samples == 0 => Some("no picture is to be drawn".into()),
        Metric::RPrecision if options.damsm.is_none() => {
            Some("it compares in the space of DAMSM, which is in the training run: name it with --run".into())
        }
        Metric::RPrecision => {
            let classes = dataset.classes(&(0..pictures).collect::<Vec<_>>());
            let alike = classes.iter().all(|class| Some(class) == classes.first());
            (alike || samples == 0).then(|| "all test pictures are of one class: there are no captions of others".into())
        }
        Metric::Colours => match options.probe.or(Probe::of(&model.vocabulary)) {
            None => Some("the vocabulary knows neither petals nor birds; name a probe with --probe".into()),
            Some(probe) => {
                let known = probe.colours().iter().any(|colour| model.vocabulary.id(colour.name).is_some());
                (!known).then(|| format!("the model knows no colour of the probe of {}", probe.name()))
            }
        },
        _ => None,
    }
}
