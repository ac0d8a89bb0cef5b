//! STREAM, the semantic text regeneration and alignment module (paper, section 3.3): a picture described in words again.
