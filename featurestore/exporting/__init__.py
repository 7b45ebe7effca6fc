"""Export features of a store for other programs: NumPy archives, Parquet files, Hugging Face datasets."""
