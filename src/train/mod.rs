//! Training: STEM, STREAM and the generator with its discriminators.
