//! A training as one page that needs no other file and no network: summary, curves, sample grids, examples, recipe.
//!
//! The plots are drawn here and stand without JavaScript; with it they can be read off, smoothed and switched to a log scale.

mod curves;
mod page;
mod part;
mod plot;

use std::fs;
use std::path::Path;

use image::imageops::FilterType;

use crate::files;
use crate::{Error, Result};
use part::Part;

/// Width in pixels that sample grids are shown at.
const THUMBNAIL: u32 = 800;

/// Writes RUN/report.html with all parts of a run, also of one that is not finished.
///
/// # Errors
/// [`Error::BadInput`] when `run` holds no training; [`Error::Io`] naming the file.
pub fn write_run(run: &Path) -> Result<()> {
    let parts: Vec<Part> = ["stem", "stream", "gan"].iter().filter_map(|kind| Part::read(&run.join(kind), kind)).collect();
    if parts.is_empty() {
        let message = format!("{} holds no training: expected stem/log.jsonl, stream/log.jsonl or gan/log.jsonl", run.display());
        return Err(Error::BadInput(message));
    }
    write(run, &parts)
}

/// Writes the report of a part, such as RUN/gan/report.html.
///
/// # Errors
/// As [`write_run`].
pub fn write_part(folder: &Path) -> Result<()> {
    let kind = folder.file_name().unwrap_or_default().to_string_lossy();
    let part = Part::read(folder, &kind).ok_or_else(|| Error::BadInput(format!("{} holds no training", folder.display())))?;
    write(folder, &[part])
}

fn write(folder: &Path, parts: &[Part]) -> Result<()> {
    let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let title = name.unwrap_or_else(|| folder.display().to_string());
    files::write(&folder.join("report.html"), page::html(&title, parts).as_bytes())
}

/// A sample grid as a small JPEG, and its size. It is kept in `thumbnails/` beside the grid, for there will be other reports.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn thumbnail(grid: &Path) -> Result<((u32, u32), Vec<u8>)> {
    let name = grid.file_stem().unwrap_or_default().to_string_lossy();
    let kept = grid.with_file_name("thumbnails").join(format!("{name}.jpg"));
    let written = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    if written(&kept).is_some_and(|kept| Some(kept) >= written(grid)) {
        let bytes = fs::read(&kept).map_err(|error| Error::io(&kept, error))?;
        let size = image::ImageReader::new(std::io::Cursor::new(&bytes)).with_guessed_format().ok().and_then(|r| r.into_dimensions().ok());
        if let Some(size) = size {
            return Ok((size, bytes));
        }
    }
    let image = image::open(grid).map_err(|error| Error::io(grid, std::io::Error::other(error)))?;
    let image = if image.width() > THUMBNAIL { image.resize(THUMBNAIL, 4 * THUMBNAIL, FilterType::Triangle) } else { image };
    let image = image.to_rgb8();
    let bytes = crate::picture::file::jpeg(&image, 80)?;
    // A run that cannot be written to can still be looked at.
    let _ = files::write(&kept, &bytes);
    Ok((image.dimensions(), bytes))
}

#[cfg(test)]
mod tests;
