"""From a corpus to features: encoders tuned fold by fold, and the plain path for one that has none."""
