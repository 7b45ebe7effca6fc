"""Decide whether a run reads its matrix at once or a batch of rows at a time."""

from collections.abc import Sequence
from math import prod
from typing import Any

from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.value_targets import HEADS
from featurestore import registry
from featurestore.errors import BadValue, Unavailable
from featurestore.networks.memory import format_bytes, measure_free_memory

AUTO, ALWAYS, NEVER = "auto", "always", "never"
MODES = (AUTO, ALWAYS, NEVER)
SHARE = 0.125  # of the free memory; a fit in memory takes two to three times its matrix, and runs go side by side
_FLOAT = 4  # bytes
_HEADS = "logistic, mlp, svm, xgb"  # that messages offer; loading every head to list them takes seconds


def check_mode(mode: str, heads: Sequence[str], kind: str = HEADS) -> None:
    """Check a value of `--stream` for the heads, or the regressors, of a benchmark.

    Raises:
        BadValue: it is unknown, or `always` where no head reads in batches.
    """
    if mode not in MODES:
        raise BadValue(f"unknown value {mode!r} of --stream", expected=", ".join(MODES))
    if mode == ALWAYS and heads and not any(can_stream(registry.load(kind, head)) for head in heads):
        raise BadValue(
            f"--stream always: {'head' if len(heads) == 1 else 'heads'} {', '.join(heads)} cannot read rows in batches",
            expected=f"a head that can: {_HEADS}" if kind == HEADS else "no --target: regressors read all rows at once",
            do="leave --stream out, or choose another head",
        )


def can_stream(head: Any) -> bool:
    """Tell whether a head, or its class, takes a `heads.StreamedMatrix`."""
    return bool(getattr(head, "STREAMS", False))


def choose_streaming(store: FeatureSource, spec: RunSpec, head: Any) -> bool:
    """Decide whether a run streams its matrix, by its size and by the memory that is free now.

    Args:
        store: the features.
        spec: of the run.
        head: its head, unfitted.

    Raises:
        Unavailable: the matrix is to be read at once, and is larger than the free memory.
    """
    if spec.stream == ALWAYS and can_stream(head):
        return True
    size, free = measure_matrix(store, spec), measure_free_memory()
    if spec.stream != NEVER and can_stream(head):
        return size > SHARE * free
    if size > free:
        raise _refuse(spec, size, free, can_stream(head))
    return False


def measure_matrix(store: FeatureSource, spec: RunSpec) -> int:
    """Return the bytes of the columns that a run reads, of training, test and context rows."""
    columns = sum(prod(store.shape(str(file))) for file in spec.inputs.files if not file.is_ragged)
    rows = len(spec.training) + len(spec.fold.test) + len(spec.surroundings.context_ids)
    return rows * columns * _FLOAT


def _refuse(spec: RunSpec, size: int, free: int, streams: bool) -> Unavailable:
    others = f"a head that reads in batches ({_HEADS}), " if spec.kind == HEADS else ""
    return Unavailable(
        f"head {spec.head} needs its whole matrix in memory, and it does not fit: {spec.system}, fold {spec.fold.name}",
        expected=f"at most {format_bytes(free)}, the free memory",
        got=format_bytes(size),
        do="leave --stream never out: this head can read in batches"
        if streams
        else f"choose {others}fewer features, or a machine with more memory",
    )
