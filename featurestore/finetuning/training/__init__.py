"""The training of a network: its loop, device, memory, logs and processes."""
