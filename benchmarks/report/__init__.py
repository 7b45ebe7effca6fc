"""What is made of a benchmark's predictions for people to read."""
