//! The generator laid out for one picture at a time on a CPU; see [`crate::nn::cpu`].

use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use super::attention::NO_WEIGHT;
use super::generator::Generator;
use super::stages::{InitialStage, RefineStage};
use crate::nn::BatchNorm;
use crate::nn::cpu::{Conv3, DoublingConv, Folded, Map, Matrix, PictureConv, Set, Simd, Work, for_chunks, pad, softmax};
use crate::readback::read_now;
use crate::stem::{Condition, ConditioningAugmentation, TextFeatures};
use crate::{Error, Result};

/// A score that no word has: what padding is kept out of a softmax with.
const NEVER: f32 = -1e30;

/// A [`Generator`] for pictures one by one, which needs the generator no more that it was made from; the numbers are the same to some 1e-6.
#[derive(Debug)]
pub struct CpuGenerator {
    ca: ConditioningAugmentation,
    /// As it is in the network, but for the blocks that double.
    start: InitialStage,
    initial: Vec<DoublingConv>,
    refine: Vec<Stage>,
    heads: Vec<PictureConv>,
}

/// The features of one caption as plain numbers.
#[derive(Debug)]
pub struct CpuText {
    /// Word after word.
    words: Vec<f32>,
    /// Values of a word.
    features: usize,
    /// The logarithm of each word's weight.
    prior: Vec<f32>,
}

impl CpuText {
    /// The first caption of `text`.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn new(text: &TextFeatures) -> Result<Self> {
        let [batch, features, count] = text.words.dims();
        let words = read_now(text.words.clone().swap_dims(1, 2).reshape([batch * count, features]).narrow(0, 0, count))?;
        let prior = read_now(text.mask.clone().narrow(0, 0, 1))?.into_iter().map(|weight| weight.max(NO_WEIGHT).ln()).collect();
        Ok(Self { words, features, prior })
    }
}

#[derive(Debug)]
struct Stage {
    set: Set,
    channels: usize,
    /// U of the word attention, (D, channels).
    context: Option<Matrix>,
    sentence: Option<Sentence>,
    merge: Merge,
    residual: Vec<[Conv3; 2]>,
    upsample: DoublingConv,
}

#[derive(Debug)]
struct Sentence {
    /// V, (condition, channels), and its bias.
    linear: Vec<f32>,
    bias: Vec<f32>,
    /// The convolution over channels, (channels, channels).
    conv: Vec<f32>,
}

/// How features and what was looked at become the residual blocks' input.
#[derive(Debug)]
enum Merge {
    /// A matrix of (outputs, features + words + sentence).
    Pixel { weights: Vec<f32>, inputs: usize },
    /// A 3×3 convolution of features and condition.
    Square(Conv3),
}

impl CpuGenerator {
    /// Lays out `generator`, which is on the CPU and does not train, for the vector instructions of `set`.
    ///
    /// # Errors
    /// [`Error::Device`] when the weights cannot be read.
    pub fn new(set: Set, generator: &Generator) -> Result<Self> {
        let doubling = |block: &crate::nn::UpBlock| Ok(DoublingConv::new(set, &fold(&block.conv, Some(&block.norm))?));
        let initial = generator.initial.upsample.iter().map(doubling).collect::<Result<_>>()?;
        let refine = generator.refine.iter().map(|stage| Stage::new(set, stage)).collect::<Result<_>>()?;
        let heads = generator.heads.iter().map(|head| Ok(PictureConv::new(set, &fold(&head.conv, None)?))).collect::<Result<_>>()?;
        Ok(Self { ca: generator.ca.clone(), start: generator.initial.without_blocks(), initial, refine, heads })
    }

    /// Number of pictures.
    pub fn stages(&self) -> usize {
        self.heads.len()
    }

    /// s_ca, as [`Generator::condition`], to the bit.
    pub fn condition(&self, text: &TextFeatures, epsilon: Tensor<2>) -> Condition {
        self.ca.forward(text.sentence.clone(), epsilon)
    }

    /// f_0, as [`Generator::initial`].
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn initial(&self, condition: &Condition, noise: Tensor<2>) -> Result<Map> {
        let start = self.start.start(condition.value.clone(), noise);
        let [_, _, height, width] = start.dims();
        let start = Map::from_planes(&read_now(start.narrow(0, 0, 1))?, height, width);
        Ok(self.initial.iter().fold(start, |features, conv| conv.forward(&features)))
    }

    /// f_i and where the stage looked, (words, h, w), as [`Generator::refine`].
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn refine(&self, stage: usize, features: Map, text: &CpuText, condition: &Condition) -> Result<(Map, Option<Vec<f32>>)> {
        let condition = read_now(condition.value.clone().narrow(0, 0, 1))?;
        match stage.checked_sub(1).and_then(|index| self.refine.get(index)) {
            Some(stage) => Ok(stage.forward(features, text, &condition)),
            None => Err(Error::BadInput(format!("stage {stage} of {}", self.heads.len()))),
        }
    }

    /// I_i, plane after plane, as [`Generator::image`].
    pub fn image(&self, stage: usize, features: &Map) -> Vec<f32> {
        self.heads.get(stage).map(|head| head.forward(features)).unwrap_or_default()
    }
}

impl Stage {
    fn new(set: Set, stage: &RefineStage) -> Result<Self> {
        let residual = |block: &crate::nn::ResidualBlock| {
            let (first, second) = (fold(&block.conv1, Some(&block.norm1))?, fold(&block.conv2, Some(&block.norm2))?);
            Ok([Conv3::new(set, &first, true), Conv3::new(set, &second, false)])
        };
        let upsample = DoublingConv::new(set, &fold(&stage.upsample.conv, Some(&stage.upsample.norm))?);
        // The block that doubles gives out as many channels as the stage takes in.
        let channels = stage.upsample.conv.weight.dims()[0] / 2;
        let context = match &stage.words {
            Some(words) => {
                let weight = words.conv_context.weight.val();
                let inputs = weight.dims()[1];
                let weight = read_now(weight)?;
                Some(Matrix::new(set, inputs, channels, |i, o| if o < channels { weight[o * inputs + i] } else { 0.0 }))
            }
            None => None,
        };
        let sentence = match &stage.sentence {
            Some(sentence) => Some(Sentence {
                linear: read_now(sentence.linear.weight.val())?,
                bias: match &sentence.linear.bias {
                    Some(bias) => read_now(bias.val())?,
                    None => vec![0.0; channels],
                },
                conv: read_now(sentence.conv_sentence_vis.weight.val())?,
            }),
            None => None,
        };
        let merge = match (&stage.merge, &stage.merge_norm) {
            (Some(conv), norm @ Some(_)) => Merge::Square(Conv3::new(set, &fold(conv, norm.as_ref())?, true)),
            (Some(conv), None) => Merge::Pixel { inputs: conv.weight.dims()[1], weights: read_now(conv.weight.val())? },
            // Side by side: the identity.
            (None, _) => {
                let inputs = 2 * channels;
                let weights = (0..inputs * inputs).map(|i| if i / inputs == i % inputs { 1.0 } else { 0.0 }).collect();
                Merge::Pixel { weights, inputs }
            }
        };
        let residual = stage.residual.iter().map(residual).collect::<Result<_>>()?;
        Ok(Self { set, channels, context, sentence, merge, residual, upsample })
    }

    fn forward(&self, features: Map, text: &CpuText, condition: &[f32]) -> (Map, Option<Vec<f32>>) {
        let (mut hidden, attention) = match &self.merge {
            Merge::Square(conv) => (conv.forward(&beside(&features, self.channels, condition)), None),
            Merge::Pixel { weights, inputs } => self.look(features, weights, *inputs, text, condition),
        };
        // One map for what is between the convolutions of all blocks, and the sum in place: a new map costs more than it seems.
        let mut inner = Map::new(hidden.height, hidden.width, hidden.channels);
        for [first, second] in &self.residual {
            first.replace(&hidden, &mut inner);
            second.add_to(&inner, &mut hidden);
        }
        drop(inner);
        (self.upsample.forward(&hidden), attention)
    }

    /// Both attentions and the 1×1 convolution behind them. All that depends on the prompt alone is multiplied into the weights first:
    /// a pixel then costs a product for the words' scores, one for the sentence's, and one with features and both softmaxes.
    fn look(&self, features: Map, weights: &[f32], inputs: usize, text: &CpuText, condition: &[f32]) -> (Map, Option<Vec<f32>>) {
        let (channels, depth) = (self.channels, features.channels);
        let count = if self.context.is_some() { text.prior.len() } else { 0 };
        let columns = pad(count);
        let mut context = vec![0.0; count * depth];
        if let Some(matrix) = &self.context {
            matrix.multiply(&text.words, text.features, count, &mut context);
        }
        let prior: Vec<f32> = (0..columns).map(|word| text.prior.get(word).copied().unwrap_or(NEVER)).collect();
        let word_scores = Matrix::new(self.set, depth, count, |i, word| if word < count { context[word * depth + i] } else { 0.0 });

        let said: Vec<f32> = match &self.sentence {
            Some(sentence) => (0..channels)
                .map(|c| {
                    sentence.bias[c] + condition.iter().enumerate().map(|(i, value)| value * sentence.linear[i * channels + c]).sum::<f32>()
                })
                .collect(),
            None => Vec::new(),
        };
        let real = |i: usize| i < said.len();
        let channel_prior: Vec<f32> = (0..pad(said.len())).map(|c| if real(c) { 0.0 } else { NEVER }).collect();
        let channel_scores = Matrix::new(self.set, depth, said.len(), |i, o| match &self.sentence {
            Some(sentence) if real(i) && real(o) => sentence.conv[o * channels + i] * said[i],
            _ => 0.0,
        });

        let outputs = weights.len() / inputs;
        let merged = Matrix::new(self.set, depth + columns + pad(said.len()), outputs, |i, o| {
            let Some(weights) = weights.get(o * inputs..(o + 1) * inputs) else { return 0.0 };
            if i < depth {
                if i < channels { weights[i] } else { 0.0 }
            } else if i < depth + columns {
                let word = i - depth;
                if word < count { (0..channels).map(|c| context[word * depth + c] * weights[channels + c]).sum() } else { 0.0 }
            } else {
                let c = i - depth - columns;
                if real(c) { said[c] * weights[inputs - channels + c] } else { 0.0 }
            }
        });

        let (height, width) = (features.height, features.width);
        let looking = Looking { features, word_scores, channel_scores, prior, channel_prior };
        let stride = looking.stride();
        let mut seen = vec![0.0; height * width * stride];
        for_chunks(self.set, &mut seen, width * stride, &looking);
        drop(looking);
        let mut hidden = Map::new(height, width, outputs);
        hidden.for_bands(self.set, 1, &Merging { seen: &seen, stride, width, merged });
        let attention = self.context.is_some().then(|| {
            let mut maps = Vec::with_capacity(count * height * width);
            for word in 0..count {
                maps.extend(seen.chunks_exact(stride).map(|pixel| pixel[depth + word]));
            }
            maps
        });
        (hidden, attention)
    }
}

/// A row of pixels, each with its features and how much it looks at words and at the sentence's channels.
struct Looking {
    features: Map,
    word_scores: Matrix,
    channel_scores: Matrix,
    prior: Vec<f32>,
    channel_prior: Vec<f32>,
}

impl Looking {
    /// Values of a pixel.
    fn stride(&self) -> usize {
        self.features.channels + self.prior.len() + self.channel_prior.len()
    }
}

impl Work for Looking {
    type Scratch = [Vec<f32>; 2];

    fn scratch(&self) -> Self::Scratch {
        [&self.prior, &self.channel_prior].map(|prior| vec![0.0; self.features.width * prior.len()])
    }

    #[inline(always)]
    fn chunk<S: Simd>(&self, simd: S, y: usize, row: &mut [f32], [words, sentence]: &mut Self::Scratch) {
        let (depth, columns, channels) = (self.features.channels, self.prior.len(), self.channel_prior.len());
        let pixels = &self.features.data[self.features.at(y + 1, 1)..];
        self.word_scores.multiply(pixels, depth, self.features.width, words);
        self.channel_scores.multiply(pixels, depth, self.features.width, sentence);
        for (x, pixel) in row.chunks_exact_mut(self.stride()).enumerate() {
            pixel[..depth].copy_from_slice(&pixels[x * depth..][..depth]);
            let words = &mut words[x * columns..][..columns];
            softmax(simd, words, &self.prior);
            pixel[depth..][..columns].copy_from_slice(words);
            let sentence = &mut sentence[x * channels..][..channels];
            softmax(simd, sentence, &self.channel_prior);
            pixel[depth + columns..].copy_from_slice(sentence);
        }
    }
}

/// A row of the residual blocks' input.
struct Merging<'a> {
    seen: &'a [f32],
    stride: usize,
    width: usize,
    merged: Matrix,
}

impl Work for Merging<'_> {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline(always)]
    fn chunk<S: Simd>(&self, _: S, y: usize, row: &mut [f32], (): &mut ()) {
        self.merged.multiply(&self.seen[y * self.width * self.stride..], self.stride, self.width, &mut row[self.merged.outputs()..]);
    }
}

/// Features with the condition beside every pixel.
fn beside(features: &Map, channels: usize, condition: &[f32]) -> Map {
    let mut map = Map::new(features.height, features.width, channels + condition.len());
    for y in 1..=features.height {
        for x in 1..=features.width {
            let (from, to) = (features.at(y, x), map.at(y, x));
            map.data[to..][..channels].copy_from_slice(&features.data[from..][..channels]);
            map.data[to + channels..][..condition.len()].copy_from_slice(condition);
        }
    }
    map
}

/// A convolution with its batch norm, if any.
fn fold(conv: &Conv2d, norm: Option<&BatchNorm>) -> Result<Folded> {
    let weight = conv.weight.val();
    let [outputs, inputs, _, _] = weight.dims();
    match norm.and_then(|norm| norm.affine(&weight.device())) {
        Some((scale, shift)) => {
            Ok(Folded { weights: read_now(weight.mul(scale.reshape([outputs, 1, 1, 1])))?, shift: read_now(shift)?, inputs })
        }
        None => Ok(Folded { weights: read_now(weight)?, shift: vec![0.0; outputs], inputs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glam::{Architecture, GeneratorConfig};
    use crate::nn::init::initialize;
    use burn::tensor::{Device, TensorData};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn tensor<const D: usize>(shape: [usize; D], step: usize) -> Tensor<D> {
        let count = shape.iter().product::<usize>();
        let numbers: Vec<f32> = (0..count).map(|i| ((i * step % 97) as f32) / 24.0 - 2.0).collect();
        Tensor::from_data(TensorData::new(numbers, shape), &Device::flex())
    }

    #[test]
    fn every_architecture_draws_what_burn_draws() {
        let device = Device::flex();
        for (architecture, gf_dim) in [(Architecture::MirrorGan, 6), (Architecture::AttnGan, 4), (Architecture::StackGan, 8)] {
            let config = GeneratorConfig { architecture, gf_dim, z_dim: 5, condition_dim: 7, features: 12, residual_blocks: 1, stages: 2 };
            let generator = initialize(config.init(&device), &mut ChaCha8Rng::seed_from_u64(4)).unwrap();
            let text = TextFeatures {
                words: tensor([1, 12, 3], 31),
                sentence: tensor([1, 12], 17),
                mask: Tensor::from_floats([[1.0, 0.25, 0.0]], &device),
            };
            let (noise, epsilon) = (tensor([1, 5], 29), tensor([1, 7], 53));
            let expected = generator.forward(&text, noise.clone(), epsilon.clone());
            let condition = generator.condition(&text, epsilon.clone());
            for set in Set::all() {
                let cpu = CpuGenerator::new(set, &generator).unwrap();
                assert_eq!(cpu.stages(), expected.images.len());
                let own = cpu.condition(&text, epsilon.clone());
                assert_eq!(read_now(own.value).unwrap(), read_now(expected.condition.value.clone()).unwrap());
                let features = cpu.initial(&condition, noise.clone()).unwrap();
                let first = cpu.image(0, &features);
                let (features, attention) = cpu.refine(1, features, &CpuText::new(&text).unwrap(), &condition).unwrap();
                let second = cpu.image(1, &features);
                for (found, expected) in [(first, &expected.images[0]), (second, &expected.images[1])] {
                    same(&found, &read_now(expected.clone()).unwrap());
                }
                assert_eq!(attention.is_some(), architecture != Architecture::StackGan);
                if let Some(attention) = attention {
                    same(&attention, &read_now(expected.attention[0].clone()).unwrap());
                }
            }
        }
    }

    fn same(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 2e-5, "{worst}");
    }
}
