"""From a speech corpus on disk to frozen features of every utterance."""
