"""The paper as one command: its experiment, its six tables and its figures, beside the published values."""
