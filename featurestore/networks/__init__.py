"""Run networks of transformers on padded batches without changing any vector."""
