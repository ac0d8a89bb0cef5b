//! 3×3 convolutions without bias of their own, with what follows them folded in.

use super::lanes::{LANES, Lanes};
use super::map::{Map, WIDE, pad};
use super::matmul::{Matrix, accumulate};

/// Tiles of a row that are multiplied at once: few enough for their transforms to stay in the second-level cache.
const TILES: usize = 16;
/// Pixels that a [`DoublingConv`] multiplies at once, likewise.
const PIXELS: usize = 32;

/// What a convolution becomes with its batch norm: weights (outputs, inputs, 3, 3) and a shift for each output.
#[derive(Debug, Clone)]
pub struct Folded {
    /// Weights, each output's times the norm's scale.
    pub weights: Vec<f32>,
    /// The norm's shift.
    pub shift: Vec<f32>,
    /// Channels that go in.
    pub inputs: usize,
}

impl Folded {
    fn outputs(&self) -> usize {
        self.shift.len()
    }

    fn kernel(&self, output: usize, input: usize) -> [[f32; 3]; 3] {
        let at = (output * self.inputs + input) * 9;
        let row = |y: usize| [self.weights[at + 3 * y], self.weights[at + 3 * y + 1], self.weights[at + 3 * y + 2]];
        [row(0), row(1), row(2)]
    }

    /// Which output a padded column holds: where outputs are gated, values and gates are padded each for itself.
    fn column(&self, column: usize, gated: bool) -> Option<usize> {
        let half = if gated { self.outputs() / 2 } else { self.outputs() };
        let (part, index) = (column / pad(half), column % pad(half));
        (index < half && part * half + index < self.outputs()).then_some(part * half + index)
    }

    /// Columns with their padding.
    fn columns(&self, gated: bool) -> usize {
        if gated { 2 * pad(self.outputs() / 2) } else { pad(self.outputs()) }
    }

    fn shifts(&self, gated: bool) -> Vec<f32> {
        (0..self.columns(gated)).map(|column| self.column(column, gated).map_or(0.0, |output| self.shift[output])).collect()
    }

    /// One matrix (padded inputs, columns) for each of N × N transformed taps.
    fn matrices<const N: usize>(&self, gated: bool, transform: impl Fn([[f32; 3]; 3]) -> [[f32; N]; N]) -> Vec<Matrix> {
        let (inputs, columns) = (pad(self.inputs), self.columns(gated));
        let mut taps = vec![vec![0.0; inputs * columns]; N * N];
        for panel in 0..columns / WIDE {
            let outputs = std::array::from_fn(|column| self.column(panel * WIDE + column, gated));
            self.panel(panel * inputs * WIDE, outputs, &transform, &mut taps);
        }
        taps.into_iter().map(|panels| Matrix::from_panels(inputs, panels)).collect()
    }

    /// One panel of all matrices, at `start` of each. A function for itself: a browser runs it fast from some later call on.
    #[inline(never)]
    fn panel<const N: usize>(
        &self,
        start: usize,
        outputs: [Option<usize>; WIDE],
        transform: &impl Fn([[f32; 3]; 3]) -> [[f32; N]; N],
        taps: &mut [Vec<f32>],
    ) {
        for input in 0..self.inputs {
            let kernels = outputs.map(|output| output.map_or([[0.0; N]; N], |output| transform(self.kernel(output, input))));
            for (i, tap) in taps.iter_mut().enumerate() {
                for (value, kernel) in tap[start + input * WIDE..][..WIDE].iter_mut().zip(&kernels) {
                    *value = kernel[i / N][i % N];
                }
            }
        }
    }
}

/// Winograd's F(4×4, 3×3) (Lavin and Gray 2016): 36 products for 16 pixels instead of 144. With the points 0, ±1, ±2 and f32, errors
/// are some 1e-6 of the largest value.
#[derive(Debug, Clone)]
pub struct Conv3 {
    matrices: Vec<Matrix>,
    shift: Vec<f32>,
    gated: bool,
}

/// Buffers of one thread.
struct Scratch {
    inputs: Vec<f32>,
    products: Vec<f32>,
}

impl Conv3 {
    /// A convolution; `gated` puts a gated linear unit behind it.
    pub fn new(folded: &Folded, gated: bool) -> Self {
        let matrices = folded.matrices::<6>(gated, |kernel| {
            let rows = kernel.map(taps_transform);
            let column = |i: usize| taps_transform([rows[0][i], rows[1][i], rows[2][i]]);
            let columns: [[f32; 6]; 6] = std::array::from_fn(column);
            std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
        });
        Self { matrices, shift: folded.shifts(gated), gated }
    }

    /// Convolves a map whose sides are multiples of 4, and adds `residual`.
    pub fn forward(&self, input: &Map, residual: Option<&Map>) -> Map {
        let (depth, columns) = (input.channels, self.shift.len());
        let channels = if self.gated { columns / 2 } else { columns };
        let mut output = Map::new(input.height, input.width, channels);
        // One vector more than needed, so that the planes of a tile do not all fall into the same set of the cache.
        let (input_plane, product_plane) = (TILES * depth + 2 * LANES, TILES * columns + 2 * LANES);
        let scratch = || Scratch { inputs: vec![0.0; 36 * input_plane], products: vec![0.0; 36 * product_plane] };
        let (stride, tiles) = (output.stride(), input.width / 4);
        output.for_bands(4, scratch, |band, rows, scratch| {
            for first in (0..tiles).step_by(TILES) {
                let count = TILES.min(tiles - first);
                for tile in 0..count {
                    let corner = input.at(4 * band, 4 * (first + tile));
                    for c in (0..depth).step_by(LANES) {
                        let load = |y: usize, x: usize| Lanes::at(&input.data, corner + y * input.stride() + x * depth + c);
                        tile_transform(load, |i, value| value.put(&mut scratch.inputs, i * input_plane + tile * depth + c));
                    }
                }
                for (i, matrix) in self.matrices.iter().enumerate() {
                    matrix.multiply(&scratch.inputs[i * input_plane..], depth, count, &mut scratch.products[i * product_plane..]);
                }
                for tile in 0..count {
                    for c in (0..channels).step_by(LANES) {
                        let products = &scratch.products;
                        let load = |c: usize| {
                            let shift = Lanes::at(&self.shift, c);
                            products_transform(|i| Lanes::at(products, i * product_plane + tile * columns + c), shift)
                        };
                        let mut values = load(c);
                        if self.gated {
                            let gates = load(channels + c);
                            for (value, gate) in values.as_flattened_mut().iter_mut().zip(gates.as_flattened()) {
                                *value = value.mul(gate.sigmoid());
                            }
                        }
                        for (y, row) in values.iter().enumerate() {
                            for (x, value) in row.iter().enumerate() {
                                let at = y * stride + (4 * (first + tile) + x + 1) * channels + c;
                                let value = match residual {
                                    Some(map) => value.add(Lanes::at(&map.data, (4 * band + 1) * stride + at)),
                                    None => *value,
                                };
                                value.put(rows, at);
                            }
                        }
                    }
                }
            }
        });
        output
    }
}

/// G g of F(4, 3).
fn taps_transform([a, b, c]: [f32; 3]) -> [f32; 6] {
    let (even, odd) = ((a + c) / -6.0, b / -6.0);
    let (far, far_odd) = (a / 24.0 + c / 6.0, b / 12.0);
    [a / 4.0, even + odd, even - odd, far + far_odd, far - far_odd, c]
}

/// Bᵀ d of F(4, 3).
#[inline(always)]
fn input_transform(d: [Lanes; 6]) -> [Lanes; 6] {
    let s = Lanes::splat;
    let (a, b) = (d[2].mul_add(s(-4.0), d[4]), d[1].mul_add(s(-4.0), d[3]));
    let (c, e) = (d[4].sub(d[2]), d[3].sub(d[1]).mul(s(2.0)));
    let first = d[0].mul_add(s(4.0), d[2].mul_add(s(-5.0), d[4]));
    let last = d[1].mul_add(s(4.0), d[3].mul_add(s(-5.0), d[5]));
    [first, a.add(b), a.sub(b), c.add(e), c.sub(e), last]
}

/// Aᵀ m of F(4, 3).
#[inline(always)]
fn output_transform(m: [Lanes; 6]) -> [Lanes; 4] {
    let s = Lanes::splat;
    let (a, b, c, e) = (m[1].add(m[2]), m[1].sub(m[2]), m[3].add(m[4]), m[3].sub(m[4]));
    [m[0].add(a).add(c), e.mul_add(s(2.0), b), c.mul_add(s(4.0), a), e.mul_add(s(8.0), b).add(m[5])]
}

#[inline(always)]
fn tile_transform(load: impl Fn(usize, usize) -> Lanes, mut store: impl FnMut(usize, Lanes)) {
    let mut rows = [[Lanes::splat(0.0); 6]; 6];
    for (y, row) in rows.iter_mut().enumerate() {
        *row = input_transform([load(y, 0), load(y, 1), load(y, 2), load(y, 3), load(y, 4), load(y, 5)]);
    }
    let column = |x: usize| input_transform([rows[0][x], rows[1][x], rows[2][x], rows[3][x], rows[4][x], rows[5][x]]);
    let columns: [[Lanes; 6]; 6] = std::array::from_fn(column);
    for (i, value) in columns.as_flattened().iter().enumerate() {
        store(i % 6 * 6 + i / 6, *value);
    }
}

#[inline(always)]
fn products_transform(load: impl Fn(usize) -> Lanes, shift: Lanes) -> [[Lanes; 4]; 4] {
    let mut columns = [[Lanes::splat(0.0); 4]; 6];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = output_transform([load(x), load(6 + x), load(12 + x), load(18 + x), load(24 + x), load(30 + x)]);
    }
    let mut values = [[shift; 4]; 4];
    for (y, row) in values.iter_mut().enumerate() {
        let sums = output_transform([columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y], columns[5][y]]);
        for (value, sum) in row.iter_mut().zip(sums) {
            *value = value.add(sum);
        }
    }
    values
}

/// Nearest-neighbour ×2, 3×3 convolution, batch norm, gated linear unit, with 9 products for 4 pixels instead of 36.
///
/// In a row, the two pixels that x₀ becomes are w₀ x₋₁ + (w₁ + w₂) x₀ = w₀ (x₋₁ − x₀) + s x₀ and s x₀ + w₂ (x₁ − x₀), with
/// s = w₀ + w₁ + w₂: three products; both ways, nine.
#[derive(Debug, Clone)]
pub struct DoublingConv {
    matrices: Vec<Matrix>,
    shift: Vec<f32>,
}

impl DoublingConv {
    /// A convolution with its gates.
    pub fn new(folded: &Folded) -> Self {
        let join = |[a, b, c]: [f32; 3]| [a, a + b + c, c];
        let matrices = folded.matrices::<3>(true, |kernel| {
            let rows = kernel.map(join);
            let columns: [[f32; 3]; 3] = std::array::from_fn(|x| join([rows[0][x], rows[1][x], rows[2][x]]));
            std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
        });
        Self { matrices, shift: folded.shifts(true) }
    }

    /// A map of twice the size.
    pub fn forward(&self, input: &Map) -> Map {
        let (depth, columns) = (input.channels, self.shift.len());
        let channels = columns / 2;
        let mut output = Map::new(2 * input.height, 2 * input.width, channels);
        // Of small maps several rows at once: the weights are read once for all of them.
        let (across, down) = (PIXELS.min(input.width), (PIXELS / input.width).clamp(1, input.height));
        let (input_plane, product_plane) = (across * down * depth + 2 * LANES, across * down * columns + 2 * LANES);
        let scratch = || Scratch { inputs: vec![0.0; 9 * input_plane], products: vec![0.0; 9 * product_plane] };
        let stride = output.stride();
        output.for_bands(2 * down, scratch, |band, rows, scratch| {
            let height = rows.len() / (2 * stride);
            for first in (0..input.width).step_by(across) {
                let width = across.min(input.width - first);
                for pixel in 0..width * height {
                    let corner = input.at(down * band + pixel / width, first + pixel % width);
                    for c in (0..depth).step_by(LANES) {
                        let load = |y: usize, x: usize| Lanes::at(&input.data, corner + y * input.stride() + x * depth + c);
                        let rows: [[Lanes; 3]; 3] = std::array::from_fn(|y| differences([load(y, 0), load(y, 1), load(y, 2)]));
                        let columns: [[Lanes; 3]; 3] = std::array::from_fn(|x| differences([rows[0][x], rows[1][x], rows[2][x]]));
                        for (i, value) in columns.as_flattened().iter().enumerate() {
                            value.put(&mut scratch.inputs, (i % 3 * 3 + i / 3) * input_plane + pixel * depth + c);
                        }
                    }
                }
                for (i, matrix) in self.matrices.iter().enumerate() {
                    matrix.multiply(&scratch.inputs[i * input_plane..], depth, width * height, &mut scratch.products[i * product_plane..]);
                }
                for pixel in 0..width * height {
                    let corner = 2 * (pixel / width) * stride + (2 * (first + pixel % width) + 1) * channels;
                    for c in (0..channels).step_by(LANES) {
                        let square = |c: usize| {
                            let load = |i: usize| Lanes::at(&scratch.products, i * product_plane + pixel * columns + c);
                            let rows: [[Lanes; 2]; 3] = std::array::from_fn(|y| sums([load(3 * y), load(3 * y + 1), load(3 * y + 2)]));
                            let shift = Lanes::at(&self.shift, c);
                            let columns: [[Lanes; 2]; 2] = std::array::from_fn(|x| sums([rows[0][x], rows[1][x], rows[2][x]]));
                            columns.map(|column| column.map(|value| value.add(shift)))
                        };
                        let (values, gates) = (square(c), square(channels + c));
                        for (i, (value, gate)) in values.as_flattened().iter().zip(gates.as_flattened()).enumerate() {
                            value.mul(gate.sigmoid()).put(rows, corner + i % 2 * stride + i / 2 * channels + c);
                        }
                    }
                }
            }
        });
        output
    }
}

#[inline(always)]
fn differences([before, here, after]: [Lanes; 3]) -> [Lanes; 3] {
    [before.sub(here), here, after.sub(here)]
}

#[inline(always)]
fn sums([before, here, after]: [Lanes; 3]) -> [Lanes; 2] {
    [before.add(here), here.add(after)]
}

/// A 3×3 convolution to red, green and blue, and tanh.
#[derive(Debug, Clone)]
pub struct PictureConv {
    /// For each row of taps, (3 pixels · channels) rows of one vector.
    panels: [Vec<f32>; 3],
}

impl PictureConv {
    /// A convolution of 3 outputs.
    pub fn new(folded: &Folded) -> Self {
        let depth = pad(folded.inputs);
        let value = |y: usize, i: usize| {
            let (x, input, output) = (i / LANES / depth, i / LANES % depth, i % LANES);
            if input < folded.inputs && output < folded.outputs().min(3) { folded.kernel(output, input)[y][x] } else { 0.0 }
        };
        Self { panels: std::array::from_fn(|y| (0..3 * depth * LANES).map(|i| value(y, i)).collect()) }
    }

    /// RGB in [−1, 1], plane after plane.
    pub fn forward(&self, input: &Map) -> Vec<f32> {
        const STEP: usize = 8;
        let (height, width, depth) = (input.height, input.width, input.channels);
        let mut pixels = vec![0.0; height * width * LANES];
        super::map::for_chunks(
            &mut pixels,
            width * LANES,
            || (),
            |y, row, ()| {
                let mut x = 0;
                while x + STEP <= width {
                    self.block::<STEP>(input, y, x, depth, row);
                    x += STEP;
                }
                while x < width {
                    self.block::<1>(input, y, x, depth, row);
                    x += 1;
                }
            },
        );
        let mut planes = Vec::with_capacity(3 * height * width);
        for channel in 0..3 {
            planes.extend(pixels.chunks_exact(LANES).map(|pixel| pixel[channel]));
        }
        planes
    }

    #[inline(always)]
    fn block<const R: usize>(&self, input: &Map, y: usize, x: usize, depth: usize, row: &mut [f32]) {
        let mut sums = [[Lanes::splat(0.0); 1]; R];
        for (dy, panel) in self.panels.iter().enumerate() {
            // A pixel's three neighbours in a row lie side by side.
            let rows: [&[f32]; R] = std::array::from_fn(|r| &input.data[input.at(y + dy, x + r)..][..3 * depth]);
            accumulate(&rows, panel, &mut sums);
        }
        for (r, [sum]) in sums.into_iter().enumerate() {
            sum.tanh().put(row, (x + r) * LANES);
        }
    }
}

/// Softmax of `scores` + `prior`, in place; as many values as whole vectors.
pub fn softmax(scores: &mut [f32], prior: &[f32]) {
    let mut largest = Lanes::splat(f32::NEG_INFINITY);
    for at in (0..scores.len()).step_by(LANES) {
        let value = Lanes::at(scores, at).add(Lanes::at(prior, at));
        value.put(scores, at);
        largest = largest.max(value);
    }
    let largest = Lanes::splat(largest.largest());
    let mut sum = Lanes::splat(0.0);
    for at in (0..scores.len()).step_by(LANES) {
        let value = Lanes::at(scores, at).sub(largest).exp();
        value.put(scores, at);
        sum = sum.add(value);
    }
    let scale = Lanes::splat(1.0 / sum.sum());
    for at in (0..scores.len()).step_by(LANES) {
        Lanes::at(scores, at).mul(scale).put(scores, at);
    }
}
