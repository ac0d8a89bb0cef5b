//! EfficientNet-Lite laid out for pictures one by one on a CPU; see [`crate::nn::cpu`].

use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, TensorData};

use super::efficientnet_lite::{EfficientNetLite, InvertedBottleneck, Lite};
use super::image_encoder::{EncoderFeatures, named};
use crate::nn::cpu::{Depthwise, Pixels, Pointwise, Set, for_each_chunk, padding};
use crate::readback::read_now;
use crate::stream::image::bordered;
use crate::{Error, Result};

/// Values under a pixel of the first convolution: 3 × 3 pixels of red, green and blue.
const UNDER: usize = 27;

/// An [`EfficientNetLite`] for pictures one by one, which needs the network no more that it was made from; the numbers are the same to some
/// 1e-6.
#[derive(Debug)]
pub struct CpuEncoder {
    /// Of the values under a pixel, row after row.
    stem: Pointwise,
    blocks: Vec<Block>,
    head: Pointwise,
    /// Values of the pooled features.
    features: usize,
    /// The blocks whose output is a stage.
    stages: Vec<usize>,
    lite: Lite,
}

#[derive(Debug)]
struct Block {
    expand: Option<Pointwise>,
    depthwise: Depthwise,
    project: Pointwise,
    residual: bool,
    stride: usize,
    /// Channels that come out.
    channels: usize,
}

/// What a picture's features are made of: of each stage channels and side, and how many values that is with the pooled ones before them.
struct Layout {
    stages: Vec<[usize; 2]>,
    length: usize,
}

impl CpuEncoder {
    /// Lays out `network`, which is on the CPU and has no use for its classifier.
    ///
    /// # Errors
    /// [`Error::Device`] when the weights cannot be read.
    pub fn new(set: Set, network: &EfficientNetLite) -> Result<Self> {
        let (stem, shift) = weights(&network.stem)?;
        // The input is pixel after pixel, the weights are plane after plane.
        let stem = Pointwise::relu6(set, UNDER, &shift, |i, o| stem[o * UNDER + i % 3 * 9 + i / 3]);
        Ok(Self {
            stem,
            blocks: network.blocks.iter().map(|block| Block::new(set, block)).collect::<Result<_>>()?,
            head: pointwise(set, &network.head, true)?,
            features: network.features(),
            stages: network.stages.clone(),
            lite: network.lite(),
        })
    }

    /// Which network it is.
    pub fn lite(&self) -> Lite {
        self.lite
    }

    /// Values of the pooled features.
    pub fn features(&self) -> usize {
        self.features
    }

    /// As [`ImageEncoder::forward`](super::ImageEncoder::forward).
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn forward(&self, images: Tensor<4>, size: usize) -> Result<EncoderFeatures> {
        let (batch, device) = (images.dims()[0], images.device());
        let layout = self.layout(size, true);
        let seen = self.look(images, size, &layout)?;
        let part = |start: usize, length: usize| -> Vec<f32> {
            seen.chunks_exact(layout.length).flat_map(|picture| picture[start..][..length].iter().copied()).collect()
        };
        let mut start = self.features;
        let mut stages = Vec::with_capacity(layout.stages.len());
        for [channels, side] in &layout.stages {
            let length = channels * side * side;
            stages.push(Tensor::from_data(TensorData::new(part(start, length), [batch, *channels, *side, *side]), &device));
            start += length;
        }
        let pooled = Tensor::from_data(TensorData::new(part(0, self.features), [batch, self.features]), &device);
        Ok(named(stages, pooled))
    }

    /// The pooled features alone, picture after picture.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn pooled(&self, images: Tensor<4>, size: usize) -> Result<Vec<f32>> {
        self.look(images, size, &self.layout(size, false))
    }

    fn layout(&self, size: usize, with_stages: bool) -> Layout {
        let (mut side, mut stages) = (size.div_ceil(2), Vec::new());
        for (index, block) in self.blocks.iter().enumerate() {
            side = side.div_ceil(block.stride);
            if with_stages && self.stages.contains(&index) {
                stages.push([block.channels, side]);
            }
        }
        let length = self.features + stages.iter().map(|[channels, side]| channels * side * side).sum::<usize>();
        Layout { stages, length }
    }

    /// The features of all pictures, each as `layout` has them: those of several pictures side by side on the threads that there are.
    fn look(&self, images: Tensor<4>, size: usize, layout: &Layout) -> Result<Vec<f32>> {
        let [batch, colours, height, width] = images.dims();
        if colours != 3 || height * width == 0 || size == 0 {
            return Err(Error::BadInput(format!("pictures of {colours} planes, {height} × {width} pixels, seen at {size}")));
        }
        let planes = read_now(images)?;
        let mut seen = vec![0.0; batch * layout.length];
        for_each_chunk(&mut seen, layout.length, |index, to| {
            let picture = &planes[index * 3 * height * width..][..3 * height * width];
            self.look_at(picture, [height, width], size, layout, to);
        });
        Ok(seen)
    }

    /// The features of one picture.
    fn look_at(&self, planes: &[f32], sides: [usize; 2], size: usize, layout: &Layout, to: &mut [f32]) {
        let (pooled, mut rest) = to.split_at_mut(self.features);
        let mut maps: [Pixels; 4] = std::array::from_fn(|_| Pixels::new(0, 0, 0));
        self.stem.forward(&under(&bordered(planes, sides, size), size), None, &mut maps[0]);
        let mut stages = layout.stages.iter();
        for (index, block) in self.blocks.iter().enumerate() {
            block.forward(&mut maps);
            if self.stages.contains(&index)
                && let Some([channels, side]) = stages.next()
            {
                let (stage, others) = rest.split_at_mut(channels * side * side);
                stage.copy_from_slice(&maps[0].to_planes(*channels));
                rest = others;
            }
        }
        let [hidden, last, ..] = &mut maps;
        self.head.forward(hidden, None, last);
        pooled.copy_from_slice(&last.mean(self.features));
    }
}

/// What lies under each pixel of a 3×3 convolution of stride 2: 3 × 3 pixels side by side.
fn under(picture: &[f32], size: usize) -> Pixels {
    // The border is one pixel wide; "SAME" padding of even sizes has none above and on the left.
    let (side, first) = (size.div_ceil(2), 1 - padding(size, 3, 2).min(1));
    let mut pixels = Pixels::new(side, side, UNDER);
    let channels = pixels.channels;
    for_each_chunk(pixels.values_mut(), side * channels, |y, row| {
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            for (ky, values) in pixel[..UNDER].chunks_exact_mut(9).enumerate() {
                let at = (2 * y + first + ky) * (size + 2) + 2 * x + first;
                values.copy_from_slice(&picture[3 * at..][..9]);
            }
        }
    });
    pixels
}

impl Block {
    fn new(set: Set, block: &InvertedBottleneck) -> Result<Self> {
        let [inner, _, kernel, _] = block.depthwise.weight.dims();
        let ((taps, shift), [stride, _]) = (weights(&block.depthwise)?, block.depthwise.stride);
        let Some(depthwise) = Depthwise::new(set, &taps, &shift, kernel, stride) else {
            return Err(Error::Internal(format!("{inner} channels convolved by {kernel} × {kernel} at stride {stride}")));
        };
        Ok(Self {
            expand: block.expand.as_ref().map(|expand| pointwise(set, expand, true)).transpose()?,
            depthwise,
            project: pointwise(set, &block.project, false)?,
            residual: block.residual,
            stride,
            channels: block.project.weight.dims()[0],
        })
    }

    /// Puts the output into the first map, where the input is; the others are for what is in between.
    fn forward(&self, maps: &mut [Pixels; 4]) {
        let [input, expanded, filtered, output] = &mut *maps;
        match &self.expand {
            Some(expand) => {
                expand.forward(input, None, expanded);
                self.depthwise.forward(expanded, filtered);
            }
            None => self.depthwise.forward(input, filtered),
        }
        self.project.forward(filtered, self.residual.then_some(&*input), output);
        maps.swap(0, 3);
    }
}

/// A 1×1 convolution.
fn pointwise(set: Set, conv: &Conv2d, relu6: bool) -> Result<Pointwise> {
    let [_, inputs, ..] = conv.weight.dims();
    let (weight, shift) = weights(conv)?;
    let weight = |i: usize, o: usize| weight[o * inputs + i];
    Ok(if relu6 { Pointwise::relu6(set, inputs, &shift, weight) } else { Pointwise::new(set, inputs, &shift, weight) })
}

/// Weights (outputs, inputs, kernel, kernel) and bias.
fn weights(conv: &Conv2d) -> Result<(Vec<f32>, Vec<f32>)> {
    let [outputs, ..] = conv.weight.dims();
    let bias = match &conv.bias {
        Some(bias) => read_now(bias.val())?,
        None => vec![0.0; outputs],
    };
    Ok((read_now(conv.weight.val())?, bias))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{EfficientNetLiteConfig, ImageEncoder};
    use crate::nn::init::initialize;
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn pictures(batch: usize, height: usize, width: usize) -> Tensor<4> {
        let values: Vec<f32> = (0..batch * 3 * height * width).map(|i| (i * 37 % 251) as f32 / 125.0 - 1.0).collect();
        Tensor::from_data(TensorData::new(values, [batch, 3, height, width]), &Device::flex())
    }

    fn same(found: Tensor<4>, expected: Tensor<4>) {
        assert_eq!(found.dims(), expected.dims());
        let (found, expected) = (read_now(found).unwrap(), read_now(expected).unwrap());
        let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest > 0.0 && worst < 1e-5 * largest.max(1.0), "{worst} of {largest}");
    }

    fn network(lite: Lite) -> EfficientNetLite {
        let fresh = EfficientNetLiteConfig::narrow(lite, 0.25).init(&Device::flex());
        initialize(fresh, &mut ChaCha8Rng::seed_from_u64(5)).unwrap()
    }

    #[test]
    fn every_network_sees_what_burn_sees_at_any_size() {
        for (lite, [height, width], size) in
            [(Lite::Lite0, [64, 64], 64), (Lite::Lite1, [50, 71], 45), (Lite::Lite2, [33, 20], 96), (Lite::Lite0, [7, 5], 33)]
        {
            let network = network(lite);
            let cpu = CpuEncoder::new(Set::best(), &network).unwrap();
            let images = pictures(2, height, width);
            let expected = ImageEncoder::EfficientNetLite(network).forward(images.clone(), size);
            let found = cpu.forward(images.clone(), size).unwrap();
            assert_eq!(cpu.lite(), lite);
            assert_eq!(found.stages.len(), expected.stages.len());
            for (found, expected) in found.stages.into_iter().zip(expected.stages) {
                assert_eq!((found.name, found.stride), (expected.name, expected.stride));
                same(found.features, expected.features);
            }
            assert_eq!(read_now(found.pooled.clone()).unwrap(), cpu.pooled(images, size).unwrap());
            same(found.pooled.unsqueeze_dims(&[2, 3]), expected.pooled.unsqueeze_dims(&[2, 3]));
        }
    }

    #[test]
    fn a_picture_is_seen_alike_alone_and_beside_others_and_on_any_number_of_threads() {
        let cpu = CpuEncoder::new(Set::best(), &network(Lite::Lite0)).unwrap();
        let images = pictures(3, 40, 40);
        let on = |threads: usize, images: Tensor<4>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| cpu.pooled(images, 64).unwrap())
        };
        let all = on(1, images.clone());
        assert_eq!(all, on(3, images.clone()));
        assert_eq!(on(2, images.narrow(0, 1, 1)), all[cpu.features()..2 * cpu.features()]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let cpu = CpuEncoder::new(Set::best(), &network(Lite::Lite0)).unwrap();
        let grey = Tensor::<4>::zeros([1, 1, 8, 8], &Device::flex());
        assert!(matches!(cpu.pooled(grey, 32), Err(Error::BadInput(message)) if message.contains("1 planes")));
        assert!(cpu.pooled(Tensor::zeros([0, 3, 8, 8], &Device::flex()), 32).unwrap().is_empty());
    }
}
