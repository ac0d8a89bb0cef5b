//! The discriminators: the published ones, and projected ones on frozen EfficientNet-Lite0 features.
