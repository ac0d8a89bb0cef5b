use super::*;

fn run(place: &Path, prompt: &str) {
    let gan = place.join("gan");
    let recipe = format!("[gan]\nsample_prompts = [{prompt:?}]\n[[gan.phases]]\npictures = 64\n");
    files::write(&gan.join("recipe.toml"), recipe.as_bytes()).unwrap();
    let log = "{\"step\":1,\"phase\":0,\"pictures\":16,\"pictures_per_second\":8.0,\"data_seconds\":0.5,\"generator\":2.0,\"stages\":1}\nnot json\n\
               {\"step\":2,\"phase\":0,\"pictures\":32,\"pictures_per_second\":8.0,\"data_seconds\":0.0,\"generator\":1.0,\"stages\":1}\n\
               {\"step\":2,\"pictures\":32,\"kernel_distance\":0.5,\"r_precision\":0.25}\n\
               {\"step\":3,\"phase\":1,\"pictures\":48,\"pictures_per_second\":8.0,\"generator\":1.0,\"<i>\":1.0,\"stages\":2}\n\
               {\"step\":3,\"pictures\":48,\"kernel_distance\":0.75,\"r_precision\":0.5,\
               \"against\":{\"r_precision\":{\"candidates\":[38,40],\"chance\":0.025}}}\n";
    files::write(&gan.join("log.jsonl"), log.as_bytes()).unwrap();
    let grid = image::RgbaImage::from_pixel(1200, 600, image::Rgba([10, 200, 30, 255]));
    crate::picture::file::write(&grid, &gan.join("samples/00000032.png")).unwrap();
    files::write(&place.join("skipped-train.txt"), b"shard.tar: <b>bad</b>: no caption\n").unwrap();
}

#[test]
fn a_page_has_everything_and_nothing_from_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    run(place.path(), "a <script>alert(1)</script> flower");
    write_run(place.path()).unwrap();
    write_part(&place.path().join("gan")).unwrap();
    assert!(place.path().join("gan/report.html").is_file());
    let page = fs::read_to_string(place.path().join("report.html")).unwrap();
    for part in [
        "75 % of 64 pictures",
        // Half a second of the two steps of 2 s that say so; the third does not.
        "<dt>Waiting for data</dt><dd>12.5 % of the time",
        "best <b>0.5</b> at step 2",
        "<dt>Best R-precision</dt><dd>0.5 (candidates 38 to 40, chance 0.025)",
        "best <b>0.5</b> at step 3",
        "data:image/jpeg;base64,",
        "a &lt;script&gt;alert(1)&lt;/script&gt; flower",
        "&lt;b&gt;bad&lt;/b&gt;",
        "128 px",
        "after 32 pictures",
        "sample_prompts",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for bad in ["<script>alert", "<b>bad", "<i>", "http://", "https://", "NaN", "inf"] {
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(bad), "{bad}");
    }
    assert_eq!(page.matches("<svg").count(), 6);
}

#[test]
fn thumbnails_are_small_and_follow_their_grid() {
    let place = tempfile::tempdir().unwrap();
    run(place.path(), "x");
    let grid = place.path().join("gan/samples/00000032.png");
    let (size, bytes) = thumbnail(&grid).unwrap();
    assert_eq!(size, (THUMBNAIL, THUMBNAIL / 2));
    assert!(bytes.len() < 20_000);
    assert_eq!(thumbnail(&grid).unwrap(), (size, bytes.clone()));
    let other = image::RgbaImage::from_pixel(40, 40, image::Rgba([250, 0, 0, 255]));
    crate::picture::file::write(&other, &grid).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    fs::File::options().write(true).open(&grid).unwrap().set_modified(later).unwrap();
    assert_eq!(thumbnail(&grid).unwrap().0, (40, 40));
}

#[test]
fn a_folder_without_a_training_is_named() {
    let place = tempfile::tempdir().unwrap();
    let message = write_run(place.path()).unwrap_err().to_string();
    assert!(message.contains("log.jsonl") && message.contains(&place.path().display().to_string()), "{message}");
}
