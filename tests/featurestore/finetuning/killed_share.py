"""A share of a training whose process is killed. The processes import this module."""

import os
import signal
import time
from pathlib import Path

from featurestore.finetuning import training_reporter
from featurestore.finetuning.shared_training import train_share
from featurestore.finetuning.training_reporter import TrainingReporter


def end_in_step_6(process, job, say):
    """Train, save every step, and be killed in the second process once the checkpoint of step 6 is whole."""
    real = TrainingReporter.on_save

    def on_save(self, args, state, control, **rest):
        real(self, args, state, control, **rest)
        whole = Path(args.output_dir) / f"checkpoint-{state.global_step}" / "whole"
        if state.global_step == 6 and process == 1:
            while not whole.exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

    TrainingReporter.on_save = on_save
    training_reporter.SAVE_EVERY = 0.0
    return train_share(process, job, say)
