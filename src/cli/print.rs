//! What the command prints. `println!` ends a program in a panic where nobody reads it any more, as behind `| head -1`, or where the device is
//! full; here the one is no error, and the other one that is told and leads to exit code 1.

use std::fmt::Display;
use std::io::{self, Write};

use crate::{Error, Result};

/// Whether what is printed arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// As far as is known.
    There,
    /// Whoever read has read enough: there is no use in printing more.
    Gone,
}

/// A line for people on standard output.
///
/// # Errors
/// [`Error::Io`] when it cannot be written, but for a reader that is gone.
pub fn line(text: impl Display) -> Result<Reader> {
    raw(&format!("{}\n", Plain(&text.to_string())))
}

/// Text on standard output, as it is: what a program reads.
///
/// # Errors
/// As [`line`].
pub fn raw(text: &str) -> Result<Reader> {
    written(&mut io::stdout().lock(), text)
}

fn written(to: &mut impl Write, text: &str) -> Result<Reader> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Error::io("standard output", error)),
    }
}

/// A line on standard error. How it goes is told to whoever looks; work does not end because nobody does.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{}", Plain(&text.to_string()));
}

/// What clap answers, help or an error, and the exit code of that.
pub fn usage(answer: &clap::Error) -> u8 {
    let code = u8::try_from(answer.exit_code()).unwrap_or(2);
    match answer.print().and_then(|()| io::stdout().flush()) {
        Err(error) if !answer.use_stderr() && error.kind() != io::ErrorKind::BrokenPipe => {
            note(format_args!("error: standard output: {error}"));
            1
        }
        _ => code,
    }
}

/// Text in which no character can do anything to a terminal: what a file holds or is called may be anything.
pub struct Plain<'a>(pub &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' | '\t' => write!(f, "{c}"),
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => write!(f, "{c}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_has_read_enough_is_no_error_and_a_full_device_is_one() {
        assert_eq!(written(&mut Vec::new(), "x").unwrap(), Reader::There);
        assert_eq!(written(&mut Broken(io::ErrorKind::BrokenPipe), "x").unwrap(), Reader::Gone);
        let error = written(&mut Broken(io::ErrorKind::StorageFull), "x").unwrap_err();
        assert!(error.to_string().starts_with("standard output: "), "{error}");
    }

    #[test]
    fn a_terminal_is_told_nothing_but_text() {
        let text = Plain("a\u{1f}\u{8b}\u{1b}[2Jé\tx\ny\r\u{7f}\u{9b}").to_string();
        assert_eq!(text, "a\\u{1f}\\u{8b}\\u{1b}[2Jé\tx\ny\\r\\u{7f}\\u{9b}");
    }
}
