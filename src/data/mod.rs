//! Image–text data: shards, folders, transforms and batches.
