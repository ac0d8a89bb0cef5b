//! A model on disk: read, write, check, import from PyTorch.
