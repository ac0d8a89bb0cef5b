//! Does a flower have the colour that the prompt asks for? A probe that no trained network takes part in.

/// Colours of petals that are asked for.
pub const COLOURS: [Colour; 10] = [
    Colour::new("red", Rule::Hue { from: 345.0, to: 15.0, value: (0.2, 1.0), saturation: (0.45, 1.0) }),
    Colour::new("orange", Rule::Hue { from: 15.0, to: 42.0, value: (0.45, 1.0), saturation: (0.45, 1.0) }),
    Colour::new("yellow", Rule::Hue { from: 42.0, to: 70.0, value: (0.45, 1.0), saturation: (0.3, 1.0) }),
    Colour::new("green", Rule::Hue { from: 70.0, to: 165.0, value: (0.1, 1.0), saturation: (0.15, 1.0) }),
    Colour::new("blue", Rule::Hue { from: 195.0, to: 258.0, value: (0.15, 1.0), saturation: (0.2, 1.0) }),
    Colour::new("purple", Rule::Hue { from: 258.0, to: 320.0, value: (0.15, 1.0), saturation: (0.15, 1.0) }),
    Colour::new("pink", Rule::Hue { from: 300.0, to: 15.0, value: (0.5, 1.0), saturation: (0.12, 0.75) }),
    Colour::new("white", Rule::Grey { value: (0.65, 1.0), saturation: (0.0, 0.2) }),
    Colour::new("lavender", Rule::Hue { from: 220.0, to: 310.0, value: (0.45, 1.0), saturation: (0.08, 0.6) }),
    Colour::new("maroon", Rule::Hue { from: 325.0, to: 20.0, value: (0.08, 0.65), saturation: (0.4, 1.0) }),
];

/// Pictures drawn of each prompt.
pub const SEEDS: u64 = 20;

/// Share of the central region that must have the colour.
const NEEDED: f64 = 0.25;

/// A colour word and what it looks like.
#[derive(Debug, Clone, Copy)]
pub struct Colour {
    /// The word.
    pub name: &'static str,
    rule: Rule,
}

/// Hue in degrees, value and saturation from 0 to 1 (HSV).
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// From one hue up to another, through 360 where `from` is larger.
    Hue { from: f64, to: f64, value: (f64, f64), saturation: (f64, f64) },
    /// Any hue.
    Grey { value: (f64, f64), saturation: (f64, f64) },
}

impl Colour {
    const fn new(name: &'static str, rule: Rule) -> Self {
        Self { name, rule }
    }

    /// What is asked of the model.
    pub fn prompt(&self) -> String {
        format!("this flower has {} petals", self.name)
    }

    fn matches(&self, rgb: [u8; 3]) -> bool {
        let (hue, saturation, value) = hsv(rgb);
        let within = |v: f64, (low, high): (f64, f64)| (low..=high).contains(&v);
        match self.rule {
            Rule::Grey { value: v, saturation: s } => within(value, v) && within(saturation, s),
            Rule::Hue { from, to, value: v, saturation: s } => {
                let inside = if from <= to { (from..to).contains(&hue) } else { hue >= from || hue < to };
                inside && within(value, v) && within(saturation, s)
            }
        }
    }

    /// The share of the central half (in width and height) of a picture that has this colour.
    ///
    /// # Shapes
    /// - pixels: size · size pixels of `channels` bytes, RGB first
    pub fn share(&self, pixels: &[u8], size: usize, channels: usize) -> f64 {
        let (from, to) = (size / 4, size - size / 4);
        let mut hits = 0;
        for y in from..to {
            for x in from..to {
                let at = (y * size + x) * channels;
                hits += usize::from(self.matches([pixels[at], pixels[at + 1], pixels[at + 2]]));
            }
        }
        hits as f64 / ((to - from) * (to - from)).max(1) as f64
    }

    /// Whether a picture counts as having this colour: a quarter of its central region does. Petals never fill a picture, and a
    /// flower has a middle.
    pub fn hit(&self, pixels: &[u8], size: usize, channels: usize) -> bool {
        self.share(pixels, size, channels) >= NEEDED
    }
}

/// Hue in degrees, saturation, value.
fn hsv(rgb: [u8; 3]) -> (f64, f64, f64) {
    let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let delta = max - min;
    let hue = if delta == 0.0 {
        0.0
    } else if max == r {
        ((g - b) / delta).rem_euclid(6.0)
    } else if max == g {
        (b - r) / delta + 2.0
    } else {
        (r - g) / delta + 4.0
    };
    (hue * 60.0, if max > 0.0 { delta / max } else { 0.0 }, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(name: &str) -> Colour {
        *COLOURS.iter().find(|colour| colour.name == name).unwrap()
    }

    #[test]
    fn plain_colours_are_told_apart() {
        let cases = [
            ("red", [200, 20, 30]),
            ("orange", [240, 130, 20]),
            ("yellow", [240, 220, 30]),
            ("green", [50, 140, 40]),
            ("blue", [40, 70, 200]),
            ("purple", [130, 40, 170]),
            ("pink", [240, 150, 190]),
            ("white", [240, 240, 235]),
            ("lavender", [190, 170, 230]),
            ("maroon", [110, 20, 35]),
        ];
        for (name, rgb) in cases {
            assert!(colour(name).hit(&rgb.repeat(64), 8, 3), "{name}");
        }
        assert!(!colour("red").hit(&[40, 70, 200].repeat(64), 8, 3));
        assert!(!colour("white").hit(&[10, 10, 10].repeat(64), 8, 3));
        assert!(!colour("yellow").hit(&[50, 140, 40].repeat(64), 8, 3));
    }

    #[test]
    fn only_the_middle_counts() {
        let pixels: Vec<u8> = (0..64)
            .flat_map(|i| {
                let middle = (2..6).contains(&(i / 8)) && (2..6).contains(&(i % 8));
                if middle { [200, 20, 30] } else { [40, 70, 200] }
            })
            .collect();
        assert_eq!(colour("red").share(&pixels, 8, 3), 1.0);
        assert_eq!(colour("blue").share(&pixels, 8, 3), 0.0);
    }
}
