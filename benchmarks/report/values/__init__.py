"""Report a benchmark of predicted values: valence, activation and dominance."""
