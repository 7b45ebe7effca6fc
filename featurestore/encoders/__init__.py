"""One module per kind of encoder: frozen networks and hand-made feature extractors."""
