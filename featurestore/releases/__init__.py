"""Read the files of a release: clips by name, label files, texts, lengths, and what is irregular about them."""
