//! BLEU, CIDEr-D and ROUGE-L against pycocoevalcap on the same words, of a corpus and of each of its captions.

use mirrorgan::evaluate::{bleu, cider, rouge};
use mirrorgan::text::tokenize;
use serde_json::Value;

use super::fixture_path;

/// Largest difference of a score.
const SCORE: f64 = 1e-9;

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_string()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < SCORE, "{what}: found {found}, expected {expected}");
}

#[test]
fn scores_are_those_of_pycocoevalcap() {
    let fixture: Value = serde_json::from_slice(&std::fs::read(fixture_path("pycocoevalcap.json")).unwrap()).unwrap();
    assert_eq!(fixture["pycocoevalcap"], "1.2");
    let texts = strings(&fixture["candidates"]);
    let candidates: Vec<Vec<String>> = texts.iter().map(|text| tokenize(text)).collect();
    let words = |texts: &Value| strings(texts).iter().map(|text| tokenize(text)).collect();
    let references: Vec<Vec<Vec<String>>> = fixture["references"].as_array().unwrap().iter().map(words).collect();
    assert!(candidates.len() >= 30 && candidates.len() == references.len());

    let expected = numbers(&fixture["bleu"]);
    for (n, found) in bleu::bleu(&candidates, &references).into_iter().enumerate() {
        close(&format!("BLEU-{}", n + 1), found, expected[n]);
    }
    close("CIDEr-D", cider::cider_d(&candidates, &references), fixture["cider"].as_f64().unwrap());
    close("ROUGE-L", rouge::rouge_l(&candidates, &references), fixture["rouge"].as_f64().unwrap());

    let each = fixture["each"].as_array().unwrap();
    assert_eq!(each.len(), candidates.len());
    let (ciders, rouges) = (cider::cider_d_each(&candidates, &references), rouge::rouge_l_each(&candidates, &references));
    for (i, expected) in each.iter().enumerate() {
        let what = |score: &str| format!("{score} of {:?}", texts[i]);
        let bleus = bleu::bleu(&candidates[i..=i], &references[i..=i]);
        for (n, expected) in numbers(&expected["bleu"]).into_iter().enumerate() {
            close(&what(&format!("BLEU-{}", n + 1)), bleus[n], expected);
        }
        close(&what("CIDEr-D"), ciders[i], expected["cider"].as_f64().unwrap());
        close(&what("ROUGE-L"), rouges[i], expected["rouge"].as_f64().unwrap());
    }
}
