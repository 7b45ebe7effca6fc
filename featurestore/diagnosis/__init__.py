"""Check what works on this machine: packages, GPU, the store's disk, the hub, memory and threads."""
