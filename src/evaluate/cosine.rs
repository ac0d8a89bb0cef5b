//! Directions of features: what is compared where lengths do not count.

/// `row` with length 1; a row of zeros stays one.
pub(super) fn unit(row: &[f32]) -> Vec<f64> {
    let norm = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    row.iter().map(|v| if norm > 0.0 { f64::from(*v) / norm } else { 0.0 }).collect()
}

/// The cosine of two rows that [`unit`] has made, of the same length; 0 where one of them is zero.
pub(super) fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(p, q)| p * q).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let found = cosine(&unit(&[3.0, 4.0]), &unit(&[10.0, 0.0]));
        assert!((found - 0.6).abs() < 1e-15, "{found}");
        assert_eq!((unit(&[0.0, 0.0]), cosine(&unit(&[0.0, 0.0]), &unit(&[1.0, 0.0]))), (vec![0.0, 0.0], 0.0));
    }
}
