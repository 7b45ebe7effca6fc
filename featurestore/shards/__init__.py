"""Cut a corpus into shards, each an ordinary store of a range of the manifest, and read them as one store."""
