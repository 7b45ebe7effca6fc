"""Report a benchmark: analyze its predictions, and render tables, figures and one HTML page."""
