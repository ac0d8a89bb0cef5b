//! Training, test and validation part, and which of them a name speaks of.

use std::path::Path;

/// Which part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What a model is trained on.
    Train,
    /// What it is measured on in the end.
    Test,
    /// What of the training data is held back ([`Validation`](super::Validation)): what choices are measured on.
    Validation,
}

impl Split {
    /// `train`, `test` or `validation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }

    /// The part of the data in whose files it is: what is held back lies among what is for training.
    pub(super) fn of_files(self) -> Self {
        if self == Self::Validation { Self::Train } else { self }
    }

    /// The split that a file name such as `flowers-train-000.tar` speaks of or, where it speaks of none, that its folder is named after.
    pub(super) fn of_path(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_string_lossy().to_lowercase();
        let named = stem.split(|c: char| !c.is_alphanumeric()).find_map(Self::of_word);
        named.or_else(|| Self::of_folder(path.parent()?).map(|(split, _)| split))
    }

    /// The split that a folder is named after, and whether it is the validation part: of a data set of three parts, the one that is not read.
    pub(super) fn of_folder(folder: &Path) -> Option<(Self, bool)> {
        let name = folder.file_name()?.to_string_lossy().to_lowercase();
        Some((Self::of_word(&name)?, name.starts_with("val")))
    }

    fn of_word(word: &str) -> Option<Self> {
        // `val2014` as well as `val`.
        match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "train" | "training" => Some(Self::Train),
            "test" | "testing" | "val" | "valid" | "validation" => Some(Self::Test),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_speak_of_splits() {
        let of = |path: &str| Split::of_path(Path::new(path));
        assert_eq!(of("a/flowers-train-000.tar"), Some(Split::Train));
        assert_eq!(of("b_test.tar"), Some(Split::Test));
        assert_eq!(of("c-validation-3.tar"), Some(Split::Test));
        assert_eq!(of("coco-val2014-000.tar"), Some(Split::Test));
        assert_eq!(of("flowers-train-000.tar.gz"), Some(Split::Train));
        assert_eq!(of("trainers.tar"), None);
        assert_eq!(of("x/val/00000.tar"), Some(Split::Test));
        assert_eq!(of("test/x-train.tar"), Some(Split::Train));
        assert_eq!(of("test-data/x.tar"), None);
    }

    #[test]
    fn folders_are_named_after_splits_in_any_case() {
        let of = |path: &str| Split::of_folder(Path::new(path));
        assert_eq!((of("a/Train"), of("TEST")), (Some((Split::Train, false)), Some((Split::Test, false))));
        for validation in ["val", "valid", "Validation", "val2017"] {
            assert_eq!(of(validation), Some((Split::Test, true)), "{validation}");
        }
        assert_eq!((of("values"), of("")), (None, None));
    }
}
