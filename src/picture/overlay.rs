//! Attention over a picture.

// The floors above read, write and mark more than drawing does.
#![cfg_attr(not(feature = "cli"), allow(dead_code))]

use image::RgbaImage;

use super::AttentionMap;

/// `picture` darkened where word number `word` was not attended to; the brightest point is the most attended one.
pub fn attended(picture: &RgbaImage, map: &AttentionMap, word: usize) -> RgbaImage {
    let weights = &map.weights[word * map.size * map.size..(word + 1) * map.size * map.size];
    let largest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let mut out = picture.clone();
    let scale = picture.width() as usize / map.size.max(1);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let at = (y as usize / scale.max(1)).min(map.size - 1) * map.size + (x as usize / scale.max(1)).min(map.size - 1);
        let light = 0.15 + 0.85 * weights[at] / largest;
        for channel in 0..3 {
            pixel[channel] = (f32::from(pixel[channel]) * light).round() as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    #[test]
    fn the_attended_point_stays_bright() {
        let picture = RgbaImage::from_pixel(4, 4, Rgba([200, 200, 200, 255]));
        let map = AttentionMap { words: 1, size: 2, weights: vec![1.0, 0.0, 0.0, 0.0] };
        let seen = attended(&picture, &map, 0);
        assert_eq!(seen.get_pixel(0, 0)[0], 200);
        assert_eq!(seen.get_pixel(3, 3)[0], 30);
    }
}
