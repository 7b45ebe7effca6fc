"""Fine-tune encoders on the training part of a fold."""
