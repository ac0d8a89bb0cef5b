//! The losses of the paper, a file each.
