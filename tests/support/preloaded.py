"""Load what commands and workers load, once, in the server that processes are forked from."""

# ruff: noqa: F401
import gc
from contextlib import suppress

import matplotlib.figure
import torch
from transformers import AutoTokenizer, DebertaV2Model

import benchmarks.compare
import benchmarks.paper.paper_run
import benchmarks.report.write_report
import featurestore.finetuning.by_fold
import featurestore.prediction.predict
import featurestore.storage.column_table
import featurestore.storage.feature_writer
import tests.faults.benchmark
import tests.faults.calls
import tests.faults.commands
import tests.faults.extraction
import tests.support.interrupted_finetune
import tests.support.stopped_folds

with suppress(ImportError):
    import distributed.cli.dask_scheduler
    import distributed.cli.dask_worker

# torch loads most of itself with the first optimizer
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
gc.freeze()  # a collection in a forked process would copy every page
