"""Wrap a head so that it predicts rows that lack a modality, by a mask and by modality dropout in training."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors
from safetensors import safe_open
from sklearn.base import clone

from heads._base import Codes, Head, Matrix, draw_seed
from heads._inputs import BLOCKS, WORDS, Block, Inputs, Layout, apply_layout, describe_layout
from heads._streamed import StreamedMatrix

_FILE = "missing.safetensors"
_CHUNK = 2**21  # numbers summed at once

Present = NDArray[np.bool_]  # (R, M): whether each row has each of the M modalities


class MissingModalityHead(Head):
    """A head that predicts utterances which lack the features of one modality.

    The columns of an absent modality are filled with their means over the training rows that have it, which are zeros
    once a head has standardized them. One column more for each modality says whether it is there (1) or not (0). The
    wrapped head learns and predicts from these columns, whatever it is. Of frames, an absent modality is a single frame
    of means; a head that reads frames alone gets no column.

    With modality dropout the head also learns from incomplete rows: before the fit, a part of the complete training
    rows loses one modality, evenly over the modalities and at random. No row is copied, so calibration folds and parts
    that choose an epoch hold no second version of a training row. Neverova et al. 2016, "ModDrop: Adaptive Multi-Modal
    Gesture Recognition", draw anew for each batch. The default rate of `cli`, 0.5, is that of Shi et al. 2022,
    "Learning Audio-Visual Speech Representation by Masked Multimodal Cluster Prediction": half of the rows are
    complete, a quarter each has one modality alone.

    Args:
        estimator: an unfitted head or scikit-learn classifier. One that reads words cannot be wrapped.
        dropout: the part of the complete training rows that loses one modality, 0 to 1. With 0 the head learns from the
            rows as they are.
        random_state: seeds the draw of these rows, not the estimator.

    Attributes:
        head_: the fitted head.
        layout_: the blocks and frames that it was fitted on, without the added columns.
        fill_: (D,) the mean of each column.
        frame_fill_: the mean frame (D,) of each feature of frames.
        shown_: number of training targets by what they lacked when the head learned from them: `complete`, or the names
            of the absent modalities joined by a plus. Not in a saved bundle.

    >>> import numpy as np
    >>> from heads import Block, Inputs, load_head
    >>> blocks = (Block("audio.mean", "audio", (1,)), Block("text.mean", "text", (1,)))
    >>> X = np.repeat([[1.0, 1.0], [-1.0, -1.0]], 10, axis=0)
    >>> head = MissingModalityHead(load_head("logistic")(), dropout=0.5, random_state=0)
    >>> head = head.fit(Inputs(X, blocks), np.repeat(["hap", "sad"], 10))
    >>> alone = Inputs(X[[0, 10]], blocks, present={"text": np.array([False, False])})
    >>> head.predict(alone).tolist(), head.shown_
    (['hap', 'sad'], {'audio': 5, 'complete': 10, 'text': 5})
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({BLOCKS})
    STREAMS: ClassVar[bool] = True  # the wrapped head refuses what it cannot do
    SOFT_LABELS: ClassVar[bool] = True

    head_: Any
    layout_: Layout
    fill_: NDArray[Any]
    frame_fill_: list[NDArray[Any]]
    shown_: dict[str, int]

    def __init__(
        self, estimator: Any, *, dropout: float = 0.0, random_state: int | np.random.RandomState | None = None
    ) -> None:
        self.estimator = estimator
        self.dropout = dropout
        self.random_state = random_state

    @property
    def takes(self) -> frozenset[str]:
        """What the wrapped head takes, and blocks."""
        return self._inner_takes | self.TAKES

    @property
    def _inner_takes(self) -> frozenset[str]:
        taken: frozenset[str] = getattr(self.estimator, "takes", frozenset())
        return taken

    @property
    def history_(self) -> list[dict[str, float]]:
        """The epochs of a wrapped head that learns in epochs."""
        found: list[dict[str, float]] = self.head_.history_
        return found

    def describe_context(self) -> str:
        """Describe what the wrapped head sees of a dialogue."""
        return str(self.estimator.describe_context()) if hasattr(self.estimator, "describe_context") else ""

    def describe_approximation(self) -> str:
        """Describe what the wrapped head approximates, or return an empty text."""
        return str(self.head_.describe_approximation()) if hasattr(self.head_, "describe_approximation") else ""

    def save_weights(self, folder: Path) -> None:
        """Write the wrapped head's weights and `missing.safetensors`."""
        self.head_.save_weights(folder)
        self.trusted_types = tuple(getattr(self.head_, "trusted_types", ()))
        tensors = {"fill": self.fill_} | {f"frames.{number}": one for number, one in enumerate(self.frame_fill_)}
        safetensors.save_file(tensors, folder / _FILE, {"layout": json.dumps(self.layout_.to_json())})

    def load_weights(self, folder: Path) -> None:
        """Read what `save_weights` wrote.

        Raises:
            ValueError: the files are of other columns, or do not fit the wrapped head.
        """
        with safe_open(folder / _FILE, "np") as file:
            layout = Layout.from_json(json.loads(file.metadata()["layout"]))
        tensors = safetensors.load_file(folder / _FILE)
        if layout.width != self.n_features_in_:
            raise ValueError(f"{_FILE} is of {layout.width} columns, not {self.n_features_in_}")
        self.layout_, self.fill_ = layout, tensors["fill"]
        self.frame_fill_ = [tensors[f"frames.{number}"] for number in range(len(layout.frames))]
        self.head_ = self.estimator
        self.head_.classes_ = self.classes_
        self.head_.n_features_in_ = layout.width + len(self._make_indicators())
        self.head_.trusted_types = self.trusted_types
        self.head_.load_weights(folder)

    def list_present(self, inputs: Inputs) -> Present:
        """Return whether each row has each modality (R, M), modalities in the order of `name_modalities`."""
        every = np.ones(len(inputs.X), bool)
        return np.stack([inputs.present.get(one, every) for one in name_modalities(describe_layout(inputs))], axis=1)

    def _fit(self, X: Inputs, codes: Codes) -> None:
        self._check_params()
        self.layout_ = describe_layout(X)
        present = self.list_present(X)
        self._measure_fill(X, present)
        present = self._drop_modalities(present)
        self.shown_ = self._count_shown(present[X.targets])
        self.head_ = clone(self.estimator)
        after_epoch = self._after_epoch
        options: dict[str, Any] = {"after_epoch": lambda _: after_epoch(self)} if after_epoch else {}
        options |= {} if self._distributions is None else {"distributions": self._distributions}
        self.head_.fit(self._show(X, present), self.classes_[codes], **options)

    def _predict_proba(self, X: Inputs) -> Matrix:
        X = apply_layout(X, self.layout_)
        probabilities: Matrix = self.head_.predict_proba(self._show(X, self.list_present(X)))
        return probabilities

    def _measure_fill(self, inputs: Inputs, present: Present) -> None:
        """Compute the mean of each column and each frame over the rows that have them."""
        modalities = name_modalities(self.layout_)
        absent = [name for name, count in zip(modalities, present.sum(axis=0), strict=True) if not count]
        if absent:
            raise ValueError(f"no row of training has {' and none has '.join(absent)}: there is nothing to learn from")
        total, start = np.zeros(inputs.X.shape[1]), 0
        for values in _iterate_rows(inputs.X):
            own = present[start : start + len(values)]
            for columns, number in self._iterate_columns():
                total[columns] += values[own[:, number]][:, columns].sum(axis=0, dtype=np.float64)
            start += len(values)
        for columns, number in self._iterate_columns():
            total[columns] /= present[:, number].sum()
        self.fill_ = total.astype(inputs.X.dtype)
        self.frame_fill_ = [
            _average_frames([one.rows[row] for row in np.flatnonzero(present[:, modalities.index(name)]).tolist()])
            for one, name in zip(inputs.frames, self._name_frames(), strict=True)
        ]

    def _drop_modalities(self, present: Present) -> Present:
        """Take one modality from a part of the complete rows, evenly over the modalities."""
        modalities, complete = present.shape[1], np.flatnonzero(present.all(axis=1))
        if modalities < 2 or not self.dropout:
            return present
        drawn = np.random.default_rng(draw_seed(self.random_state)).permutation(complete)
        drawn = drawn[: round(self.dropout * len(complete))]
        kept = present.copy()
        kept[drawn, np.arange(len(drawn)) % modalities] = False
        return kept

    def _count_shown(self, present: Present) -> dict[str, int]:
        names = np.array(name_modalities(self.layout_))
        lacking, counts = np.unique(~present, axis=0, return_counts=True)
        found = {"+".join(names[row]) or "complete": int(n) for row, n in zip(lacking, counts, strict=True)}
        return dict(sorted(found.items()))

    def _show(self, inputs: Inputs, present: Present) -> Any:
        """Return inputs as the wrapped head reads them: filled, and with a column for each modality."""
        X: Any = inputs.X
        if isinstance(X, StreamedMatrix):
            width = X.shape[1] + len(self._make_indicators())
            X = StreamedMatrix(lambda rows: self._fill_rows(inputs.X[rows], present[rows]), (len(X), width), X.dtype)
        else:
            X = self._fill_rows(X, present)
        modalities = name_modalities(self.layout_)
        frames = tuple(
            replace(
                one,
                rows=[
                    rows if there else fill[None]
                    for rows, there in zip(one.rows, present[:, modalities.index(name)], strict=True)
                ],
            )
            for one, name, fill in zip(inputs.frames, self._name_frames(), self.frame_fill_, strict=True)
        )
        shown = replace(inputs, X=X, blocks=(*inputs.blocks, *self._make_indicators()), frames=frames, present={})
        return shown if self._inner_takes else shown.matrix

    def _fill_rows(self, values: Matrix, present: Present) -> Matrix:
        """Fill the columns of absent modalities in rows (M, D), and append the indicators."""
        added = len(self._make_indicators())
        filled = np.empty((len(values), values.shape[1] + added), values.dtype)
        filled[:, : values.shape[1]] = values
        for columns, number in self._iterate_columns():
            filled[~present[:, number], columns] = self.fill_[columns]
        if added:
            filled[:, values.shape[1] :] = present
        return filled

    def _make_indicators(self) -> tuple[Block, ...]:
        """Make a block of one column for each modality, or none for a head that reads no columns."""
        if self._inner_takes and BLOCKS not in self._inner_takes:
            return ()
        known = {one.modality for one in self.layout_.blocks} | {name for _, name, _ in self.layout_.frames}
        return tuple(
            Block(f"{name}.present", name if name in known else "", (1,)) for name in name_modalities(self.layout_)
        )

    def _iterate_columns(self) -> Iterator[tuple[slice, int]]:
        """Yield the columns of each block, and the number of its modality."""
        modalities, start = name_modalities(self.layout_), 0
        for block in self.layout_.blocks:
            yield slice(start, start + block.width), modalities.index(block.modality or block.name)
            start += block.width

    def _name_frames(self) -> list[str]:
        return [modality or name for name, modality, _ in self.layout_.frames]

    def _check_params(self) -> None:
        self._check_number("dropout", low=0, high=1, inclusive=True)
        if WORDS in self._inner_takes:
            raise ValueError(f"{type(self.estimator).__name__} reads words, of which none can be masked")


def name_modalities(layout: Layout) -> list[str]:
    """Name the modalities of a layout in the order of their first feature, an unknown one by its feature."""
    blocks = (block.modality or block.name for block in layout.blocks)
    frames = (modality or name for name, modality, _ in layout.frames)
    return list(dict.fromkeys([*blocks, *frames]))


def _iterate_rows(X: Any) -> Iterator[Matrix]:
    """Yield all rows in their order, some at a time."""
    if isinstance(X, StreamedMatrix):
        yield from (values for _, values in X.iterate())
        return
    size = max(1, _CHUNK // max(1, X.shape[1]))
    yield from (X[start : start + size] for start in range(0, len(X), size))


def _average_frames(rows: list[Matrix]) -> NDArray[np.float32]:
    """Return the mean of all frames (D,), summed in float64."""
    total = sum(np.asarray(frames).sum(axis=0, dtype=np.float64) for frames in rows)
    mean: NDArray[np.float32] = np.asarray(total / sum(map(len, rows)), np.float32)
    return mean
