"""Run `cli finetune --all-folds --jobs 2` with workers that wait to be stopped."""

import os
import sys

import cli
from featurestore.finetuning import fold_workers
from tests.featurestore.finetuning.fold_stand_in import wait_for_ever


def run(words: list[str], errors: str) -> None:
    """Run the command as its entry point does, with its messages in a file."""
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT, 0o600), 2)
    fold_workers.run_fold = wait_for_ever
    sys.argv = ["cli", *words]
    sys.exit(cli.main())
