//! Metrics, a file each.
