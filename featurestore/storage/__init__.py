"""Read and write feature files, and write any file atomically."""
