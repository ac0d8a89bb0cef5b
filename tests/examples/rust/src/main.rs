//! Draws a picture of a prompt, says where the network looked for each word, and describes the picture:
//!
//! `cargo run --release -- MODEL-FOLDER "PROMPT" OUT-FOLDER`

use std::path::PathBuf;
use std::process::ExitCode;

use mirrorgan::{AttentionMap, Device, Engine, GenerateOptions, Picture, Result, Token};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, prompt, out] = arguments.as_slice() else {
        eprintln!("usage: draw MODEL-FOLDER \"PROMPT\" OUT-FOLDER");
        return ExitCode::from(2);
    };
    match draw(model, prompt, out.into()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw(model: &str, prompt: &str, out: PathBuf) -> Result<()> {
    let engine = Engine::open(model, &Device::flex())?;
    let options = GenerateOptions { seed: 7, ..GenerateOptions::default() };
    let drawn = engine.draw_stages(prompt, &options, |stage| {
        let size = stage.image.width();
        println!("{size} × {size} pixels are drawn");
        stage.image.save(out.join(format!("{size}.png")))
    })?;
    let Some(last) = drawn.pictures[0].stages.last() else { return Ok(()) };

    if let Some(map) = &last.attention {
        // Maps follow the words that the model knows.
        for (index, token) in drawn.tokens.iter().filter(|token| token.known).take(map.words).enumerate() {
            println!("{}", looked(map, index, token));
        }
    }

    // A picture of any origin can be described; this one comes back from its file.
    let caption = engine.describe(&Picture::open(out.join(format!("{}.png", last.image.width())))?)?;
    println!("described as: {}", caption.text);
    Ok(())
}

/// Where a word was attended to most.
fn looked(map: &AttentionMap, index: usize, token: &Token) -> String {
    let weights = map.word(index).unwrap_or_default();
    let most = (0..weights.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or(0);
    let percent = |at: usize| 100 * at / map.size;
    format!("{}: {} % from the left, {} % from the top", token.word, percent(most % map.size), percent(most / map.size))
}
