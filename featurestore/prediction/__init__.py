"""Save a fitted head as a bundle and predict new speech with it."""
