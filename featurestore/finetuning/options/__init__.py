"""Settings of fine-tuning."""
