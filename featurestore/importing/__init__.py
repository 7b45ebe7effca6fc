"""Import features that another program made: read its file, match its ids, write an ordinary feature file."""
