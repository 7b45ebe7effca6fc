import os

from hypothesis import HealthCheck, settings

# Nothing here may wait for a network; and two processes of two threads each would wait for each other.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers' bars too: reports stay readable
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")
