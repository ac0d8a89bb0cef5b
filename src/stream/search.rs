//! Several sentences for one picture: the likeliest ones, found by beam search, or ones drawn by their probability.

use burn::tensor::{Int, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{CaptionIds, StreamDecoder};
use crate::nn::LstmState;
use crate::readback::read;
use crate::text::END;
use crate::{Error, Result};

/// Most sentences for one picture.
const MAX_CAPTIONS: usize = 16;
/// Sentences that a search follows at once, at the least: with one alone it would miss what begins worse than it ends.
const LEAST_WIDTH: usize = 5;
/// Sentences that are drawn for each one that is asked for, as some are the same.
const DRAWN_FOR_EACH: usize = 4;

/// What [`Engine::captions`](crate::Engine::captions) is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionOptions {
    /// How many sentences, 1 to 16; fewer come where no more different ones are found.
    pub count: usize,
    /// Draws sentences by their probability, with the random numbers of this seed, instead of searching for the likeliest.
    pub sample: Option<u64>,
}

impl Default for CaptionOptions {
    fn default() -> Self {
        Self { count: 3, sample: None }
    }
}

impl CaptionOptions {
    pub(super) fn check(&self) -> Result<()> {
        if (1..=MAX_CAPTIONS).contains(&self.count) {
            return Ok(());
        }
        Err(Error::BadInput(format!("{} sentences; expected 1 to {MAX_CAPTIONS}", self.count)))
    }
}

/// A sentence under way.
#[derive(Debug, Clone)]
struct Hypothesis {
    ids: Vec<usize>,
    log_probability: f32,
}

/// What says how likely each word is as the next one, wherever it computes. A state is what it remembers of several sentences about one
/// picture.
pub(super) trait NextWord {
    /// What is remembered of each sentence.
    type State;

    /// log p of every word as the first one.
    ///
    /// # Errors
    /// [`Error::Device`].
    async fn first(&self) -> Result<(Vec<f32>, Self::State)>;

    /// log p of every word after each of `ids`, row after row: sentence i goes on from sentence `from[i]` of `state`.
    ///
    /// # Errors
    /// [`Error::Device`].
    async fn next(&self, state: Self::State, from: &[usize], ids: &[usize]) -> Result<(Vec<f32>, Self::State)>;
}

/// The `count` likeliest sentences of at most `max_words` words that beam search finds, the likeliest first.
///
/// A sentence's probability only falls with each word, so that the search ends as soon as nothing under way is likelier than what is
/// asked for. Lengths are not evened out: what is told is the probability. `between` is called before each word.
///
/// # Errors
/// [`Error::Device`]; those of `between`.
pub(super) async fn search(
    decoder: &impl NextWord,
    count: usize,
    max_words: usize,
    mut between: impl AsyncFnMut() -> Result<()>,
) -> Result<Vec<CaptionIds>> {
    let width = count.max(LEAST_WIDTH);
    let mut live = vec![Hypothesis { ids: Vec::new(), log_probability: 0.0 }];
    let mut ended: Vec<CaptionIds> = Vec::new();
    between().await?;
    let (mut values, mut state) = decoder.first().await?;
    for step in 0..max_words {
        let mut found: Vec<(usize, usize, f32)> = Vec::with_capacity(live.len() * width);
        for ((row, hypothesis), words) in live.iter().enumerate().zip(values.chunks_exact(values.len() / live.len())) {
            found.extend(largest(words, width).into_iter().map(|id| (row, id, hypothesis.log_probability + words[id])));
        }
        let scores: Vec<f32> = found.iter().map(|(_, _, score)| *score).collect();
        let last = step + 1 == max_words;
        let (mut rows, mut going_on) = (Vec::new(), Vec::new());
        for (row, id, log_probability) in largest(&scores, width).into_iter().map(|at| found[at]) {
            let mut ids = live[row].ids.clone();
            if id != END {
                ids.push(id);
            }
            if id == END || last {
                ended.push(CaptionIds { ids, log_probability });
            } else {
                rows.push(row);
                going_on.push(Hypothesis { ids, log_probability });
            }
        }
        ended = likeliest_first(ended);
        let Some(likeliest) = going_on.first() else { break };
        if ended.get(count - 1).is_some_and(|worst| worst.log_probability >= likeliest.log_probability) {
            break;
        }
        let ids: Vec<usize> = going_on.iter().filter_map(|hypothesis| hypothesis.ids.last().copied()).collect();
        between().await?;
        (values, state) = decoder.next(state, &rows, &ids).await?;
        live = going_on;
    }
    ended.truncate(count);
    Ok(ended)
}

/// Up to `count` different sentences of at most `max_words` words, drawn by their probability, the likeliest first. `between` is called before
/// each word.
///
/// # Errors
/// [`Error::Device`]; those of `between`.
pub(super) async fn sample(
    decoder: &impl NextWord,
    count: usize,
    max_words: usize,
    seed: u64,
    mut between: impl AsyncFnMut() -> Result<()>,
) -> Result<Vec<CaptionIds>> {
    let rows = count * DRAWN_FOR_EACH;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = vec![(Hypothesis { ids: Vec::new(), log_probability: 0.0 }, false); rows];
    between().await?;
    let (mut values, mut state) = decoder.first().await?;
    for step in 0..max_words {
        let words = if step == 0 { values.len() } else { values.len() / rows };
        // All begin alike.
        let scores = |row: usize| if step == 0 { &values[..] } else { &values[row * words..][..words] };
        let mut ids = Vec::with_capacity(rows);
        for (row, (hypothesis, ended)) in drawn.iter_mut().enumerate() {
            // Drawn for those that have ended, too, so that one sentence does not change another's numbers.
            let id = pick(scores(row), rng.random());
            if !*ended {
                hypothesis.log_probability += scores(row)[id];
                if id == END {
                    *ended = true;
                } else {
                    hypothesis.ids.push(id);
                }
            }
            ids.push(id);
        }
        if step + 1 == max_words || drawn.iter().all(|(_, ended)| *ended) {
            break;
        }
        let from: Vec<usize> = if step == 0 { vec![0; rows] } else { (0..rows).collect() };
        between().await?;
        (values, state) = decoder.next(state, &from, &ids).await?;
    }
    let mut captions: Vec<CaptionIds> = Vec::with_capacity(count);
    for (Hypothesis { ids, log_probability }, _) in drawn {
        if captions.len() < count && captions.iter().all(|caption| caption.ids != ids) {
            captions.push(CaptionIds { ids, log_probability });
        }
    }
    Ok(likeliest_first(captions))
}

/// A decoder that computes through burn, and the picture that it is told.
#[derive(Debug)]
pub(super) struct BurnWords<'a> {
    pub decoder: &'a StreamDecoder,
    /// (1, embedding), from [`StreamDecoder::embed_image`].
    pub image: Tensor<2>,
}

impl NextWord for BurnWords<'_> {
    type State = LstmState;

    async fn first(&self) -> Result<(Vec<f32>, LstmState)> {
        self.read_step(self.image.clone(), self.decoder.start(1, &self.image.device()), 1).await
    }

    async fn next(&self, state: LstmState, from: &[usize], ids: &[usize]) -> Result<(Vec<f32>, LstmState)> {
        let (rows, device) = (state.hidden.dims()[0], state.hidden.device());
        let pick = |of: Tensor<2>| Tensor::cat(from.iter().map(|row| of.clone().narrow(0, *row, 1)).collect(), 0);
        let state = if from.iter().copied().eq(0..rows) { state } else { LstmState { hidden: pick(state.hidden), cell: pick(state.cell) } };
        self.read_step(self.decoder.embed_words(column(ids, &device)), state, ids.len()).await
    }
}

impl BurnWords<'_> {
    /// log p of every word for each of `rows` sentences, off the device, row after row.
    async fn read_step(&self, input: Tensor<2>, state: LstmState, rows: usize) -> Result<(Vec<f32>, LstmState)> {
        let (values, state) = self.decoder.step(input, state);
        let values = read(values).await?;
        if values.is_empty() || values.len() % rows.max(1) != 0 {
            return Err(Error::Device(format!("{} values were read for {rows} sentences", values.len())));
        }
        Ok((values, state))
    }
}

/// The places of the `count` largest values, the largest first; those that tie stay in order. For few of many: it inserts one after the other.
fn largest(values: &[f32], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = Vec::with_capacity(count + 1);
    if count == 0 {
        return places;
    }
    for (place, value) in values.iter().enumerate() {
        if places.len() == count && *value <= values[places[count - 1]] {
            continue;
        }
        let at = places.iter().position(|other| values[*other] < *value).unwrap_or(places.len());
        places.insert(at, place);
        places.truncate(count);
    }
    places
}

fn likeliest_first(captions: Vec<CaptionIds>) -> Vec<CaptionIds> {
    let scores: Vec<f32> = captions.iter().map(|caption| caption.log_probability).collect();
    largest(&scores, scores.len()).into_iter().map(|at| captions[at].clone()).collect()
}

/// Word numbers as a column.
fn column(ids: &[usize], device: &burn::tensor::Device) -> Tensor<2, Int> {
    let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
    let rows = ids.len();
    Tensor::from_data(TensorData::new(ids, [rows, 1]), device)
}

/// The word at which the probabilities before it add up to `at`, which is from 0 to 1.
fn pick(log_probabilities: &[f32], at: f32) -> usize {
    let mut sum = 0.0;
    for (id, value) in log_probabilities.iter().enumerate() {
        sum += value.exp();
        if at < sum {
            return id;
        }
    }
    // What rounding leaves of 1.
    END
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::cpu::Set;
    use crate::nn::init::initialize;
    use crate::pipeline::block_on;
    use crate::readback::read_now;
    use crate::stream::{CpuDecoder, StreamConfig};
    use burn::tensor::{Device, activation};
    use std::collections::HashMap;

    const MAX_WORDS: usize = 3;

    /// Small enough for every sentence there is to be scored.
    fn decoder() -> (StreamDecoder, Tensor<2>) {
        let device = Device::flex();
        let config = StreamConfig { vocabulary: 4, embedding: 6, hidden: 8, image_features: 5, ..StreamConfig::default() };
        let decoder = initialize(StreamDecoder::new(&config, &device), &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        (decoder, Tensor::from_floats([[3.0, -2.0, 1.0, 0.5, 4.0]], &device))
    }

    /// log p of every sentence of at most [`MAX_WORDS`] words, by the logits that training uses.
    fn all(decoder: &StreamDecoder, features: &Tensor<2>) -> Vec<CaptionIds> {
        let mut sentences: Vec<Vec<usize>> = vec![vec![]];
        let mut open = sentences.clone();
        for _ in 0..MAX_WORDS {
            open = open.iter().flat_map(|ids| (1..4).map(move |id| [ids.as_slice(), &[id]].concat())).collect();
            sentences.extend(open.clone());
        }
        let mut scored: Vec<CaptionIds> = sentences
            .into_iter()
            .map(|ids| {
                let mut told: Vec<usize> = ids.iter().copied().chain([END]).collect();
                told.truncate(MAX_WORDS);
                let targets: Vec<i32> = told.iter().map(|id| *id as i32).collect();
                let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [1, told.len()]), &features.device());
                let logits = decoder.logits(features.clone(), targets.clone());
                let scores = activation::log_softmax(logits, 2).gather(2, targets.unsqueeze_dim(2));
                CaptionIds { ids, log_probability: scores.sum().into_scalar::<f32>() }
            })
            .collect();
        scored.sort_by(|a, b| b.log_probability.total_cmp(&a.log_probability));
        scored
    }

    #[test]
    fn a_wide_search_finds_the_likeliest_of_all_sentences() {
        let (decoder, features) = decoder();
        let expected = all(&decoder, &features);
        let cpu = CpuDecoder::new(Set::best(), &decoder).unwrap();
        let burn = BurnWords { decoder: &decoder, image: decoder.embed_image(features.clone()) };
        let through_burn = block_on(search(&burn, 16, MAX_WORDS, async || Ok(()))).unwrap();
        let on_cpu = block_on(search(&cpu.words(&read_now(features).unwrap()), 16, MAX_WORDS, async || Ok(()))).unwrap();
        for found in [through_burn, on_cpu] {
            assert_eq!(found.len(), 16);
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.ids, expected.ids);
                assert!((found.log_probability - expected.log_probability).abs() < 1e-4, "{found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn samples_are_different_sentences_with_their_probabilities_and_the_seed_repeats_them() {
        let (decoder, features) = decoder();
        let scores: HashMap<Vec<usize>, f32> =
            all(&decoder, &features).into_iter().map(|caption| (caption.ids, caption.log_probability)).collect();
        let cpu = CpuDecoder::new(Set::best(), &decoder).unwrap();
        let on_cpu =
            |seed| block_on(sample(&cpu.words(&read_now(features.clone()).unwrap()), 5, MAX_WORDS, seed, async || Ok(()))).unwrap();
        let burn = BurnWords { decoder: &decoder, image: decoder.embed_image(features.clone()) };
        let draw = |seed| block_on(sample(&burn, 5, MAX_WORDS, seed, async || Ok(()))).unwrap();
        let drawn = draw(1);
        assert_eq!(drawn, draw(1));
        assert!((2..20).any(|seed| draw(seed) != drawn));
        assert_eq!(drawn.len(), 5);
        for (index, caption) in drawn.iter().enumerate() {
            assert!((caption.log_probability - scores[&caption.ids]).abs() < 1e-4, "{caption:?}");
            assert!(drawn[..index].iter().all(|other| other.ids != caption.ids && other.log_probability >= caption.log_probability));
        }
        let ids = |captions: Vec<CaptionIds>| captions.into_iter().map(|caption| caption.ids).collect::<Vec<_>>();
        for seed in 1..5 {
            assert_eq!(ids(on_cpu(seed)), ids(draw(seed)));
        }
    }

    #[test]
    fn what_is_called_between_words_ends_the_search_with_its_error() {
        let (decoder, features) = decoder();
        let cpu = CpuDecoder::new(Set::best(), &decoder).unwrap();
        let told = cpu.words(&read_now(features).unwrap());
        for sampled in [false, true] {
            let mut words = 0;
            let between = async || {
                words += 1;
                if words == 2 { Err(Error::Interrupted) } else { Ok(()) }
            };
            let found =
                if sampled { block_on(sample(&told, 5, MAX_WORDS, 1, between)) } else { block_on(search(&told, 16, MAX_WORDS, between)) };
            assert!(matches!(found, Err(Error::Interrupted)), "{found:?}");
            assert_eq!(words, 2);
        }
    }

    #[test]
    fn the_largest_come_first_and_ties_stay_in_order() {
        let values = [0.0, 3.0, -1.0, 3.0, 5.0, 0.0];
        assert_eq!(largest(&values, 3), [4, 1, 3]);
        assert_eq!(largest(&values, 6), [4, 1, 3, 0, 5, 2]);
        assert!(largest(&values, 0).is_empty() && largest(&[], 2).is_empty());
    }

    #[test]
    fn words_are_drawn_by_their_probability() {
        let values = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        assert_eq!([0.0, 0.49, 0.51, 0.79, 0.81, 1.0].map(|at| pick(&values, at)), [0, 0, 1, 1, 2, END]);
    }

    #[test]
    fn counts_out_of_range_are_refused() {
        for count in [0, 17] {
            let error = CaptionOptions { count, sample: None }.check().unwrap_err();
            assert!(error.to_string().contains("expected 1 to 16"), "{error}");
        }
        CaptionOptions::default().check().unwrap();
    }
}
