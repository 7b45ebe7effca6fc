"""The network that is fine-tuned, and what of it is trained."""
