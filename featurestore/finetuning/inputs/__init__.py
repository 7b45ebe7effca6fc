"""Which utterances are read for fine-tuning, and how."""
