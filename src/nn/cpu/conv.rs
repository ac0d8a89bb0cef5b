//! 3×3 convolutions without bias of their own, with what follows them folded in.

use super::lanes::{Lanes, Simd};
use super::map::{Map, Work, pad};
use super::matmul::Matrix;
use super::set::Set;

/// Tiles of a row that are multiplied at once: few enough for their transforms to stay in the second-level cache.
const TILES: usize = 16;
/// Pixels that a [`DoublingConv`] multiplies at once, likewise.
const PIXELS: usize = 32;
/// Outputs that are laid out at once; panels are some of this.
const COLUMNS: usize = 8;
/// More than needed, so that the planes of a tile do not all fall into the same set of the cache.
const APART: usize = 16;

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
    pub(super) fn outputs(&self) -> usize {
        self.shift.len()
    }

    pub(super) fn kernel(&self, output: usize, input: usize) -> [[f32; 3]; 3] {
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
    fn matrices<const N: usize>(&self, set: Set, gated: bool, transform: impl Fn([[f32; 3]; 3]) -> [[f32; N]; N]) -> Vec<Matrix> {
        let (inputs, columns) = (pad(self.inputs), self.columns(gated));
        let mut taps = vec![vec![0.0; inputs * columns]; N * N];
        for first in (0..columns).step_by(COLUMNS) {
            let outputs = std::array::from_fn(|column| self.column(first + column, gated));
            // The panel that the columns are in, and its width.
            let panel = first / set.panel() * set.panel();
            let width = set.panel().min(columns - panel);
            self.columns_of_panel(panel * inputs + first - panel, width, outputs, &transform, &mut taps);
        }
        taps.into_iter().map(|panels| Matrix::from_panels(set, inputs, panels)).collect()
    }

    /// Some columns of all matrices, which begin at `start` of each and are in a panel of `width`. A function for itself: a browser runs it
    /// fast from some later call on.
    #[inline(never)]
    fn columns_of_panel<const N: usize>(
        &self,
        start: usize,
        width: usize,
        outputs: [Option<usize>; COLUMNS],
        transform: &impl Fn([[f32; 3]; 3]) -> [[f32; N]; N],
        taps: &mut [Vec<f32>],
    ) {
        for input in 0..self.inputs {
            let kernels = outputs.map(|output| output.map_or([[0.0; N]; N], |output| transform(self.kernel(output, input))));
            for (i, tap) in taps.iter_mut().enumerate() {
                for (value, kernel) in tap[start + input * width..][..COLUMNS].iter_mut().zip(&kernels) {
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
    set: Set,
    matrices: Vec<Matrix>,
    shift: Vec<f32>,
    gated: bool,
}

/// Buffers of one thread: planes of what is multiplied, and of the products.
struct Scratch {
    inputs: Vec<f32>,
    products: Vec<f32>,
}

/// Where the values of a plane begin, and how many planes there are.
struct Planes {
    count: usize,
    input: usize,
    product: usize,
}

impl Planes {
    /// `count` planes of `rows` rows.
    fn new(count: usize, rows: usize, inputs: usize, outputs: usize) -> Self {
        Self { count, input: rows * inputs + APART, product: rows * outputs + APART }
    }

    fn scratch(&self) -> Scratch {
        Scratch { inputs: vec![0.0; self.count * self.input], products: vec![0.0; self.count * self.product] }
    }
}

impl Conv3 {
    /// A convolution; `gated` puts a gated linear unit behind it.
    pub fn new(set: Set, folded: &Folded, gated: bool) -> Self {
        let matrices = folded.matrices::<6>(set, gated, |kernel| {
            let rows = kernel.map(taps_transform);
            let column = |i: usize| taps_transform([rows[0][i], rows[1][i], rows[2][i]]);
            let columns: [[f32; 6]; 6] = std::array::from_fn(column);
            std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
        });
        Self { set, matrices, shift: folded.shifts(gated), gated }
    }

    /// Convolves a map whose sides are multiples of 4.
    pub fn forward(&self, input: &Map) -> Map {
        let mut output = Map::new(input.height, input.width, self.channels());
        self.draw(input, &mut output, false);
        output
    }

    /// [`Conv3::forward`] to a map that was one of the same size before.
    pub fn replace(&self, input: &Map, output: &mut Map) {
        self.draw(input, output, false);
    }

    /// Adds what [`Conv3::forward`] gives to `output`.
    pub fn add_to(&self, input: &Map, output: &mut Map) {
        self.draw(input, output, true);
    }

    /// Channels that come out, with their padding.
    fn channels(&self) -> usize {
        if self.gated { self.shift.len() / 2 } else { self.shift.len() }
    }

    fn draw(&self, input: &Map, output: &mut Map, adds: bool) {
        let planes = Planes::new(36, TILES, input.channels, self.shift.len());
        let tiles = Tiles { conv: self, input, adds, channels: self.channels(), stride: output.stride(), planes };
        output.for_bands(self.set, 4, &tiles);
    }
}

/// A row of 4×4 tiles of a [`Conv3`]'s output.
struct Tiles<'a> {
    conv: &'a Conv3,
    input: &'a Map,
    /// Whether to what is there.
    adds: bool,
    /// Of the output, as the stride.
    channels: usize,
    stride: usize,
    planes: Planes,
}

impl Work for Tiles<'_> {
    type Scratch = Scratch;

    fn scratch(&self) -> Scratch {
        self.planes.scratch()
    }

    #[inline(always)]
    fn chunk<S: Simd>(&self, simd: S, band: usize, rows: &mut [f32], scratch: &mut Scratch) {
        let tiles = self.input.width / 4;
        for first in (0..tiles).step_by(TILES) {
            let count = TILES.min(tiles - first);
            for tile in 0..count {
                self.read(simd, band, first + tile, tile, &mut scratch.inputs);
            }
            for (i, matrix) in self.conv.matrices.iter().enumerate() {
                let (inputs, products) = (&scratch.inputs[i * self.planes.input..], &mut scratch.products[i * self.planes.product..]);
                matrix.multiply(inputs, self.input.channels, count, products);
            }
            for tile in 0..count {
                self.write(simd, first + tile, tile, &scratch.products, rows);
            }
        }
    }
}

impl Tiles<'_> {
    /// Transforms the 6×6 pixels of the tile at `x` of the band to rows `tile` of the planes.
    #[inline(always)]
    fn read<S: Simd>(&self, simd: S, band: usize, x: usize, tile: usize, inputs: &mut [f32]) {
        let depth = self.input.channels;
        let (corner, stride) = (self.input.at(4 * band, 4 * x), self.input.stride());
        for c in (0..depth).step_by(S::LANES) {
            let mut rows = [[simd.splat(0.0); 6]; 6];
            for (y, row) in rows.iter_mut().enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    *value = simd.at(&self.input.data, corner + y * stride + x * depth + c);
                }
                *row = input_transform(*row);
            }
            let mut columns = [[simd.splat(0.0); 6]; 6];
            for (x, column) in columns.iter_mut().enumerate() {
                *column = input_transform([rows[0][x], rows[1][x], rows[2][x], rows[3][x], rows[4][x], rows[5][x]]);
                for (y, value) in column.iter().enumerate() {
                    value.put(inputs, (6 * y + x) * self.planes.input + tile * depth + c);
                }
            }
        }
    }

    /// Makes the 4×4 pixels of the tile at `x` of the band of rows `tile` of the products.
    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, x: usize, tile: usize, products: &[f32], rows: &mut [f32]) {
        let channels = self.channels;
        for c in (0..channels).step_by(S::LANES) {
            let mut values = self.pixels(simd, tile, c, products);
            if self.conv.gated {
                let gates = self.pixels(simd, tile, channels + c, products);
                for (value, gate) in values.as_flattened_mut().iter_mut().zip(gates.as_flattened()) {
                    *value = value.mul(gate.sigmoid());
                }
            }
            for (y, row) in values.iter().enumerate() {
                for (column, value) in row.iter().enumerate() {
                    let at = y * self.stride + (4 * x + column + 1) * channels + c;
                    let value = if self.adds { value.add(simd.at(rows, at)) } else { *value };
                    value.put(rows, at);
                }
            }
        }
    }

    /// The 4×4 pixels that columns from `column` on of rows `tile` of the products stand for.
    #[inline(always)]
    fn pixels<S: Simd>(&self, simd: S, tile: usize, column: usize, products: &[f32]) -> [[S::Lanes; 4]; 4] {
        let shifts = &self.conv.shift;
        let mut columns = [[simd.splat(0.0); 4]; 6];
        for (x, values) in columns.iter_mut().enumerate() {
            let mut taps = [simd.splat(0.0); 6];
            for (y, tap) in taps.iter_mut().enumerate() {
                *tap = simd.at(products, (6 * y + x) * self.planes.product + tile * shifts.len() + column);
            }
            *values = output_transform(taps);
        }
        let mut values = [[simd.at(shifts, column); 4]; 4];
        for (y, row) in values.iter_mut().enumerate() {
            let sums = output_transform([columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y], columns[5][y]]);
            for (value, sum) in row.iter_mut().zip(sums) {
                *value = value.add(sum);
            }
        }
        values
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
fn input_transform<L: Lanes>(d: [L; 6]) -> [L; 6] {
    let (two, four, five) = (d[0].like(2.0), d[0].like(4.0), d[0].like(-5.0));
    let (a, b) = (d[2].mul_add(d[0].like(-4.0), d[4]), d[1].mul_add(d[0].like(-4.0), d[3]));
    let (c, e) = (d[4].sub(d[2]), d[3].sub(d[1]).mul(two));
    let first = d[0].mul_add(four, d[2].mul_add(five, d[4]));
    let last = d[1].mul_add(four, d[3].mul_add(five, d[5]));
    [first, a.add(b), a.sub(b), c.add(e), c.sub(e), last]
}

/// Aᵀ m of F(4, 3).
#[inline(always)]
fn output_transform<L: Lanes>(m: [L; 6]) -> [L; 4] {
    let (two, four, eight) = (m[0].like(2.0), m[0].like(4.0), m[0].like(8.0));
    let (a, b, c, e) = (m[1].add(m[2]), m[1].sub(m[2]), m[3].add(m[4]), m[3].sub(m[4]));
    [m[0].add(a).add(c), e.mul_add(two, b), c.mul_add(four, a), e.mul_add(eight, b).add(m[5])]
}

/// Nearest-neighbour ×2, 3×3 convolution, batch norm, gated linear unit, with 9 products for 4 pixels instead of 36.
///
/// In a row, the two pixels that x₀ becomes are w₀ x₋₁ + (w₁ + w₂) x₀ = w₀ (x₋₁ − x₀) + s x₀ and s x₀ + w₂ (x₁ − x₀), with
/// s = w₀ + w₁ + w₂: three products; both ways, nine.
#[derive(Debug, Clone)]
pub struct DoublingConv {
    set: Set,
    matrices: Vec<Matrix>,
    shift: Vec<f32>,
}

impl DoublingConv {
    /// A convolution with its gates.
    pub fn new(set: Set, folded: &Folded) -> Self {
        let join = |[a, b, c]: [f32; 3]| [a, a + b + c, c];
        let matrices = folded.matrices::<3>(set, true, |kernel| {
            let rows = kernel.map(join);
            let columns: [[f32; 3]; 3] = std::array::from_fn(|x| join([rows[0][x], rows[1][x], rows[2][x]]));
            std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
        });
        Self { set, matrices, shift: folded.shifts(true) }
    }

    /// A map of twice the size.
    pub fn forward(&self, input: &Map) -> Map {
        let columns = self.shift.len();
        let mut output = Map::new(2 * input.height, 2 * input.width, columns / 2);
        // Of small maps several rows at once: the weights are read once for all of them.
        let (across, down) = (PIXELS.min(input.width), (PIXELS / input.width).clamp(1, input.height));
        let planes = Planes::new(9, across * down, input.channels, columns);
        let squares = Squares { conv: self, input, across, down, channels: columns / 2, stride: output.stride(), planes };
        output.for_bands(self.set, 2 * down, &squares);
        output
    }
}

/// Some rows of squares of 2×2 pixels, what a [`DoublingConv`] makes of each pixel.
struct Squares<'a> {
    conv: &'a DoublingConv,
    input: &'a Map,
    /// Pixels that are multiplied at once.
    across: usize,
    down: usize,
    /// Of the output, as the stride.
    channels: usize,
    stride: usize,
    planes: Planes,
}

impl Work for Squares<'_> {
    type Scratch = Scratch;

    fn scratch(&self) -> Scratch {
        self.planes.scratch()
    }

    #[inline(always)]
    fn chunk<S: Simd>(&self, simd: S, band: usize, rows: &mut [f32], scratch: &mut Scratch) {
        let (channels, stride) = (self.channels, self.stride);
        let height = rows.len() / (2 * stride);
        for first in (0..self.input.width).step_by(self.across) {
            let width = self.across.min(self.input.width - first);
            for pixel in 0..width * height {
                let (y, x) = (self.down * band + pixel / width, first + pixel % width);
                self.read(simd, self.input.at(y, x), pixel, &mut scratch.inputs);
            }
            for (i, matrix) in self.conv.matrices.iter().enumerate() {
                let (inputs, products) = (&scratch.inputs[i * self.planes.input..], &mut scratch.products[i * self.planes.product..]);
                matrix.multiply(inputs, self.input.channels, width * height, products);
            }
            for pixel in 0..width * height {
                let corner = 2 * (pixel / width) * stride + (2 * (first + pixel % width) + 1) * channels;
                self.write(simd, corner, pixel, &scratch.products, rows);
            }
        }
    }
}

impl Squares<'_> {
    /// Transforms the 3×3 pixels from `corner` on to rows `pixel` of the planes.
    #[inline(always)]
    fn read<S: Simd>(&self, simd: S, corner: usize, pixel: usize, inputs: &mut [f32]) {
        let (depth, stride) = (self.input.channels, self.input.stride());
        for c in (0..depth).step_by(S::LANES) {
            let mut rows = [[simd.splat(0.0); 3]; 3];
            for (y, row) in rows.iter_mut().enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    *value = simd.at(&self.input.data, corner + y * stride + x * depth + c);
                }
                *row = differences(*row);
            }
            let mut columns = [[simd.splat(0.0); 3]; 3];
            for (x, column) in columns.iter_mut().enumerate() {
                *column = differences([rows[0][x], rows[1][x], rows[2][x]]);
                for (y, value) in column.iter().enumerate() {
                    value.put(inputs, (3 * y + x) * self.planes.input + pixel * depth + c);
                }
            }
        }
    }

    /// Makes the 2×2 pixels from `corner` on of rows `pixel` of the products.
    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, corner: usize, pixel: usize, products: &[f32], to: &mut [f32]) {
        let channels = self.channels;
        for c in (0..channels).step_by(S::LANES) {
            let values = self.pixels(simd, pixel, c, products);
            let gates = self.pixels(simd, pixel, channels + c, products);
            for (i, (value, gate)) in values.as_flattened().iter().zip(gates.as_flattened()).enumerate() {
                value.mul(gate.sigmoid()).put(to, corner + i % 2 * self.stride + i / 2 * channels + c);
            }
        }
    }

    /// The 2×2 pixels, column after column, that columns from `column` on of rows `pixel` of the products stand for.
    #[inline(always)]
    fn pixels<S: Simd>(&self, simd: S, pixel: usize, column: usize, products: &[f32]) -> [[S::Lanes; 2]; 2] {
        let shifts = &self.conv.shift;
        let mut rows = [[simd.splat(0.0); 2]; 3];
        for (y, row) in rows.iter_mut().enumerate() {
            let mut taps = [simd.splat(0.0); 3];
            for (x, tap) in taps.iter_mut().enumerate() {
                *tap = simd.at(products, (3 * y + x) * self.planes.product + pixel * shifts.len() + column);
            }
            *row = sums(taps);
        }
        let mut values = [[simd.at(shifts, column); 2]; 2];
        for (x, values) in values.iter_mut().enumerate() {
            for (value, sum) in values.iter_mut().zip(sums([rows[0][x], rows[1][x], rows[2][x]])) {
                *value = sum.add(*value);
            }
        }
        values
    }
}

#[inline(always)]
fn differences<L: Lanes>([before, here, after]: [L; 3]) -> [L; 3] {
    [before.sub(here), here, after.sub(here)]
}

#[inline(always)]
fn sums<L: Lanes>([before, here, after]: [L; 3]) -> [L; 2] {
    [before.add(here), here.add(after)]
}
