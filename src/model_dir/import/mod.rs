//! Weights of other projects, read from PyTorch files without running any of their code.
