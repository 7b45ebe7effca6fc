"""What the tests of other tools' formats share: clips, and the findings of a reading."""

import numpy as np
import soundfile


def write_clip(path, seconds=1.0, rate=16_000, channels=1):
    """Write a clip of noise of an exact length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(round(1000 * seconds)).normal(0, 0.1, (round(seconds * rate), channels))
    soundfile.write(path, noise.astype(np.float32), rate)


def list_findings(reading):
    return {finding.what: finding.where for finding in reading.findings}
