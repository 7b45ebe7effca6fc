"""Cut a corpus into folds by a protocol; check, save and show the cut."""
