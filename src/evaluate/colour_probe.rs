//! Does a flower or a bird have the colour that the prompt asks for? A probe that no trained network takes part in.
//!
//! A picture is a hit when [`NEEDED`] of its central region, half as wide and high as the picture, has the colour. Colours are ranges of
//! hue (degrees), saturation and value (HSV), chosen by looking at photographs; neighbours overlap, as they do in people's captions: a
//! picture can be red and maroon.

use crate::text::Vocabulary;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// "this flower has … petals".
    Petals,
    /// "a small bird that is …".
    Birds,
}

impl Probe {
    /// The probe that a vocabulary speaks of, if any.
    pub fn of(vocabulary: &Vocabulary) -> Option<Self> {
        let knows = |word| vocabulary.id(word).is_some();
        if knows("petals") {
            Some(Self::Petals)
        } else if knows("bird") {
            Some(Self::Birds)
        } else {
            None
        }
    }

    /// Its colours.
    pub fn colours(self) -> &'static [Colour] {
        match self {
            Self::Petals => &PETALS,
            Self::Birds => &BIRDS,
        }
    }

    /// What is asked of the model.
    pub fn prompt(self, colour: &Colour) -> String {
        match self {
            Self::Petals => format!("this flower has {} petals", colour.name),
            Self::Birds => format!("a small bird that is {}", colour.name),
        }
    }

    /// Its colour of that name.
    pub fn colour(self, name: &str) -> Option<&'static Colour> {
        self.colours().iter().find(|colour| colour.name == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Petals => "petals",
            Self::Birds => "birds",
        }
    }
}

/// Colours of petals.
const PETALS: [Colour; 10] = [
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

/// Colours of birds, those that people name most in captions of CUB-200-2011. Feathers are duller than petals, so less saturation is asked
/// for; brown is dark orange.
///
/// Of test photographs of birds that three or more of their captions call "a yellow bird" or "bird is yellow", 78 % are hits (104 of them;
/// blue 89 % of 46, black 85 % of 196, grey 75 % of 76, brown 64 % of 95, white 61 % of 79), and of those in whose captions the word does
/// not occur 2 % (blue 10 %, black 19 %, grey 24 %, brown 6 %, white 6 %, red 0 %): what a perfect generator would reach.
const BIRDS: [Colour; 9] = [
    Colour::new("red", Rule::Hue { from: 340.0, to: 18.0, value: (0.2, 1.0), saturation: (0.4, 1.0) }),
    Colour::new("orange", Rule::Hue { from: 12.0, to: 42.0, value: (0.45, 1.0), saturation: (0.45, 1.0) }),
    Colour::new("yellow", Rule::Hue { from: 38.0, to: 72.0, value: (0.4, 1.0), saturation: (0.3, 1.0) }),
    Colour::new("green", Rule::Hue { from: 65.0, to: 165.0, value: (0.1, 1.0), saturation: (0.15, 1.0) }),
    Colour::new("blue", Rule::Hue { from: 190.0, to: 258.0, value: (0.15, 1.0), saturation: (0.2, 1.0) }),
    Colour::new("brown", Rule::Hue { from: 8.0, to: 48.0, value: (0.12, 0.7), saturation: (0.2, 0.8) }),
    Colour::new("black", Rule::Grey { value: (0.0, 0.25), saturation: (0.0, 1.0) }),
    Colour::new("grey", Rule::Grey { value: (0.25, 0.75), saturation: (0.0, 0.2) }),
    Colour::new("white", Rule::Grey { value: (0.65, 1.0), saturation: (0.0, 0.2) }),
];

/// Pictures drawn of each prompt.
pub const SEEDS: u64 = 20;

/// Share of the central region that must have the colour.
pub const NEEDED: f64 = 0.25;

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

    /// Whether a pixel has it.
    pub(super) fn matches(&self, rgb: [u8; 3]) -> bool {
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
        *PETALS.iter().find(|colour| colour.name == name).unwrap()
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
    fn feathers_are_told_apart() {
        let cases = [
            ("red", [170, 40, 40]),
            ("orange", [220, 130, 50]),
            ("yellow", [220, 200, 60]),
            ("green", [90, 120, 60]),
            ("blue", [60, 100, 170]),
            ("brown", [110, 80, 50]),
            ("black", [25, 22, 24]),
            ("grey", [120, 122, 125]),
            ("white", [235, 235, 230]),
        ];
        for (name, rgb) in cases {
            for colour in &BIRDS {
                let hit = colour.hit(&rgb.repeat(64), 8, 3);
                assert_eq!(hit, colour.name == name, "{name} as {}", colour.name);
            }
        }
    }

    #[test]
    fn the_vocabulary_chooses() {
        let of = |words: &[&str]| Probe::of(&Vocabulary::new(words.iter().map(|word| word.to_string())).unwrap());
        assert_eq!(of(&["red", "petals", "bird"]), Some(Probe::Petals));
        assert_eq!(of(&["red", "bird"]), Some(Probe::Birds));
        assert_eq!(of(&["red", "circle"]), None);
        assert_eq!(Probe::Birds.prompt(&BIRDS[0]), "a small bird that is red");
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
