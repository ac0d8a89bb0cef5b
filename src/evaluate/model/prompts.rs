//! Drawn pictures beside their prompts: do they find them, how much do those of one prompt differ, have they the colours asked for?

use super::{MAX_WORDS, Measurement, Purpose};
use crate::Result;
use crate::data::{EncodedCaptions, spread};
use crate::evaluate::colour_probe::{self, Probe, SEEDS};
use crate::evaluate::cosine::{cosine, unit};
use crate::evaluate::diversity::mean_pairwise_distance;
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::{self, Interval, IntervalKind, bootstrap_mean};
use crate::evaluate::pictures::{Eyes, Seen, Studio, to_rows, to_tensor};
use crate::evaluate::r_precision;
use crate::pipeline::{Noise, pictures};
use crate::stem::TextBatch;
use crate::watch::Unit;

/// Prompts, and pictures of each, that diversity is measured on.
const DIVERSITY: [usize; 2] = [20, 8];

impl Measurement<'_> {
    pub(super) fn r_precision(&self, photographs: &Seen, drawn: &Seen, prompts: &[Vec<usize>]) -> Result<Vec<Figure>> {
        let Studio { model, dataset, options, device, .. } = self.studio;
        let Some((text, damsm)) = &options.damsm else { return Ok(Vec::new()) };
        let mut sentences = Vec::with_capacity(prompts.len());
        let mut own = true;
        for prompts in prompts.chunks(options.batch.max(1)) {
            let batch = TextBatch::new(prompts, device);
            let rows = to_rows(text.forward(&batch).sentence)?;
            if sentences.is_empty() {
                // The judge is of the model's own training when its text encoder says what the model's does, up to f16.
                let models = to_rows(model.stem.forward(&batch).sentence)?;
                own = rows.iter().zip(&models).all(|(a, b)| a.len() == b.len() && cosine(&unit(a), &unit(b)) > 0.999);
            }
            sentences.extend(rows);
        }
        let judge = if own {
            "the judge is the DAMSM of the model's own training, whose text encoder the generator is conditioned on, so it is no independent \
             judge: read the figure beside that of photographs"
        } else {
            "the judge is the DAMSM of another training than the model's"
        };
        let chosen = if options.damsm_chosen_on_test {
            "; its weights were chosen by the R-precision of photographs of the test part of its training"
        } else {
            ""
        };
        let network = match &options.judge_encoder {
            Some(encoder) => format!("damsm-{}", encoder.kind()),
            None => format!("damsm-{}", self.network()),
        };
        let mut figures = Vec::new();
        for (whose, rows) in [("generated", drawn), ("real", photographs)] {
            let rows = if options.judge_encoder.is_some() { &rows.judge } else { &rows.rows };
            let mut codes = Vec::with_capacity(rows.len());
            for rows in rows.chunks(options.batch.max(1)) {
                codes.extend(to_rows(damsm.encode(to_tensor(rows, device)))?);
            }
            let indices: Vec<usize> = (0..codes.len()).map(|i| i % dataset.len()).collect();
            let classes = dataset.classes(&indices);
            let found = r_precision::r_precision(&codes, &sentences[..codes.len()], &classes, &mut self.rng(Purpose::Rivals));
            let (low, high) = (found.mean - found.deviation, found.mean + found.deviation);
            let interval = Interval { kind: IntervalKind::StdOverFolds, low, high, parts: found.folds };
            figures.push(Figure {
                name: format!("r_precision-{network}.{whose}"),
                value: found.mean,
                interval: (found.folds > 1).then_some(interval),
                n: codes.len(),
                references: Some(r_precision::OTHERS + 1),
                network: Some(network.clone()),
                protocol: format!(
                    "a picture's own caption has the largest cosine with it among itself and {} captions of other classes (of other pictures \
                     where there are no classes; all there are where there are fewer), over whole folds; {judge}{chosen}",
                    r_precision::OTHERS
                ),
            });
        }
        Ok(figures)
    }

    pub(super) fn diversity(&self, photographs: &Seen, captions: &EncodedCaptions) -> Result<Vec<Figure>> {
        let Studio { model, dataset, .. } = self.studio;
        let [prompts, seeds] = DIVERSITY;
        let mut rng = self.rng(Purpose::Prompts);
        // Spread over the data, for it may be sorted.
        let chosen: Vec<Vec<usize>> = spread(dataset.len(), prompts).map(|i| captions.draw(i, MAX_WORDS, &mut rng)).collect();
        let prompts = chosen.len();
        let repeated: Vec<Vec<usize>> = chosen.iter().flat_map(|prompt| vec![prompt.clone(); seeds]).collect();
        let mut noise = Noise::new(self.studio.options.seed ^ Purpose::DiversityNoise as u64);
        let eyes = Eyes { stream: model.stream.as_ref(), judge: None, inception: None };
        let drawn = self.studio.drawings(&repeated, &mut noise, eyes, "drawing prompts again")?;
        let network = self.network();
        let figure = |whose: &str, groups: Vec<f64>, n: usize, protocol: String| Figure {
            name: format!("diversity-{network}.{whose}"),
            value: groups.iter().sum::<f64>() / groups.len().max(1) as f64,
            interval: bootstrap_mean(&groups, &mut self.rng(Purpose::Bootstrap)),
            n,
            references: None,
            network: Some(network.clone()),
            protocol,
        };
        let distances: Vec<f64> = drawn.rows.chunks(seeds).filter_map(mean_pairwise_distance).collect();
        let measure = "mean pairwise cosine distance of pooled features, higher is more diverse";
        let mut figures =
            vec![figure("generated", distances, drawn.rows.len(), format!("{measure}: {seeds} seeds of each of {prompts} prompts"))];
        let mut classes: std::collections::BTreeMap<usize, Vec<Vec<f32>>> = Default::default();
        for (sample, row) in dataset.samples.iter().zip(&photographs.rows) {
            if let Some(class) = sample.class_id {
                let members = classes.entry(class).or_default();
                if members.len() < seeds {
                    members.push(row.clone());
                }
            }
        }
        classes.retain(|_, members| members.len() > 1);
        if !classes.is_empty() {
            let n = classes.values().map(Vec::len).sum();
            let distances: Vec<f64> = classes.values().filter_map(|members| mean_pairwise_distance(members)).collect();
            let protocol =
                format!("{measure}: up to {seeds} test photographs of each class, a reference from above for seeds of one prompt");
            figures.push(figure("real", distances, n, protocol));
        }
        Ok(figures)
    }

    pub(super) fn colours(&self) -> Result<Vec<Figure>> {
        let Studio { model, options, .. } = self.studio;
        let Some(probe) = options.probe.or(Probe::of(&model.vocabulary)) else { return Ok(Vec::new()) };
        let known: Vec<_> = probe.colours().iter().filter(|colour| model.vocabulary.id(colour.name).is_some()).collect();
        let task = self.studio.task("colour probe", known.len() * SEEDS as usize, Unit::Pictures);
        let figure = |name: &str, hits: usize, trials: usize| Figure {
            name: format!("colour.{name}"),
            value: hits as f64 / trials.max(1) as f64,
            interval: interval::wilson(hits, trials),
            n: trials,
            references: None,
            network: None,
            protocol: format!(
                "probe of {}, seeds 0 to {} of prompts such as “{}”: share of pictures of whose central region (half as wide and high) at \
                 least {} % has the colour in HSV",
                probe.name(),
                SEEDS - 1,
                known.first().map_or(String::new(), |colour| probe.prompt(colour)),
                colour_probe::NEEDED * 100.0
            ),
        };
        let (mut figures, mut all) = (Vec::new(), 0);
        for colour in &known {
            let ids = model.vocabulary.encode(&probe.prompt(colour), model.config.text_encoder.max_words)?.ids;
            let mut hits = 0;
            for seed in 0..SEEDS {
                let images = self.studio.draw(std::slice::from_ref(&ids), &mut Noise::new(seed))?;
                for picture in pictures(images)? {
                    hits += usize::from(colour.hit(picture.rgba(), picture.width(), 4));
                }
                task.advance(1);
                self.studio.go_on()?;
            }
            all += hits;
            figures.push(figure(colour.name, hits, SEEDS as usize));
        }
        drop(task);
        figures.push(figure("mean", all, known.len() * SEEDS as usize));
        Ok(figures)
    }
}
