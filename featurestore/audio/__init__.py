"""Decode clips to mono float32, and reject damaged and silent ones."""
