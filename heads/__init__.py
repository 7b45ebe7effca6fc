"""One scikit-learn classifier per file; a head knows nothing of the rest of the project."""
