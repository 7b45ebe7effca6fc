"""Define what a head is given: a matrix, and what its columns are, frames, dialogues and words where it takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heads._streamed import StreamedMatrix, take_rows

Rows = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]
_EVERY: Indices = np.empty(0, np.intp)  # stands for every row

BLOCKS, FRAMES, DIALOGUE, WORDS = "blocks", "frames", "dialogue", "words"
WHOLE, PAST = "whole dialogue", "past turns"  # what a context head looks at


@dataclass(frozen=True)
class Block:
    """One feature among the columns of a matrix.

    Args:
        name: for example `audio.mean`.
        modality: `audio` or `text`; empty if unknown.
        shape: of one row: `(D,)`, or `(L, D)` of a feature with a vector for each of L layers.
    """

    name: str
    modality: str
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return prod(self.shape)


@dataclass(frozen=True)
class Frames:
    """A feature with another number of frames in every row.

    Args:
        name: for example `audio.frames`.
        modality: `audio` or `text`; empty if unknown.
        rows: (T, D) of each row, T at least 1; memory maps stay on disk until a batch reads them.
    """

    name: str
    modality: str
    rows: Sequence[Rows]

    @property
    def width(self) -> int:
        """Number of dimensions of a frame."""
        return int(self.rows[0].shape[1])


@dataclass(frozen=True)
class Turns:
    """Where each row stands in a dialogue.

    Args:
        dialogue: name of its dialogue (R,).
        position: its place there (R,). Places grow with time and may have gaps.
        speaker: whose turn it is (R,); empty if unknown.
    """

    dialogue: NDArray[np.str_]
    position: Indices
    speaker: NDArray[np.str_]


@dataclass(frozen=True)
class Inputs:
    """Utterances as a head sees them: N to learn or predict, among R rows of which the others are context.

    Args:
        X: (R, D) the columns of all blocks; D is 0 if there are frames only. A `StreamedMatrix` for a head that
            `STREAMS`, where it is large for the memory.
        blocks: in column order.
        frames: each of R rows.
        turns: of R rows; None if there are no dialogues.
        words: the transcript of each row (R,); None if there is none.
        targets: (N,) rows that have a class; by default every row. The others are context: turns without a label.
        present: by modality, whether each row (R,) has its features. Where it has not, the values of the row are
            placeholders that no head may read (`heads.MissingModalityHead`). A modality that is not named is in every
            row.
    """

    X: Any
    blocks: tuple[Block, ...]
    frames: tuple[Frames, ...] = ()
    turns: Turns | None = None
    words: tuple[str, ...] | None = None
    targets: Indices = field(default_factory=lambda: _EVERY)
    present: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill in the targets, and check that every part has R rows."""
        if self.targets is _EVERY:
            object.__setattr__(self, "targets", np.arange(len(self.X)))
        lengths = {len(self.X), *(len(one.rows) for one in self.frames)}
        lengths |= {len(self.turns.dialogue)} if self.turns else set()
        lengths |= {len(self.words)} if self.words is not None else set()
        lengths |= {len(rows) for rows in self.present.values()}
        columns = sum(block.width for block in self.blocks)
        if len(lengths) != 1 or columns != self.X.shape[1]:
            raise ValueError(f"inputs do not fit together: rows {sorted(lengths)}, columns {columns}, X {self.X.shape}")

    def __len__(self) -> int:
        """Return the number of targets."""
        return len(self.targets)

    @property
    def width(self) -> int:
        """Number of columns and of dimensions of all frames together."""
        return int(self.X.shape[1]) + sum(one.width for one in self.frames)

    @property
    def matrix(self) -> Any:
        """The columns of the targets (N, D), as X is given, without a copy where every row is a target."""
        every = len(self.targets) == len(self.X) and (self.targets == np.arange(len(self.X))).all()
        return self.X if every else take_rows(self.X, self.targets)

    def read_block(self, block: Block) -> Rows:
        """Return the columns of a block as a view, (R, *shape)."""
        start = sum(one.width for one in self.blocks[: self.blocks.index(block)])
        columns: Rows = self.X[:, start : start + block.width]
        return columns.reshape(len(self.X), *block.shape)

    def select(self, places: ArrayLike) -> "Inputs":
        """Keep some targets, such as a training part, and the context that is theirs alone.

        A target that is not kept leaves the rows, so that no head sees a turn of the other side. A row without a class
        stays only where every target of its dialogue is kept: in a dialogue that is cut it belongs to neither side.

        Args:
            places: numbers of targets (M,), counted from 0 to N - 1; targets are returned in this order.
        """
        chosen = self.targets[np.asarray(places, np.intp)]
        kept = np.zeros(len(self.X), bool)
        kept[chosen] = True
        kept |= self._find_context(kept)
        number = np.cumsum(kept) - 1  # of each kept row
        return replace(self._keep(np.flatnonzero(kept)), targets=number[chosen])

    def _find_context(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Find the rows without a class in dialogues of which every target is kept, (R,)."""
        if self.turns is None:
            return np.zeros(len(kept), bool)
        is_target = np.zeros(len(kept), bool)
        is_target[self.targets] = True
        _, dialogue = np.unique(self.turns.dialogue, return_inverse=True)
        some, cut = (np.zeros(dialogue.max() + 1, bool) for _ in range(2))
        some[dialogue[kept]] = True
        cut[dialogue[is_target & ~kept]] = True
        context: NDArray[np.bool_] = ~is_target & (some & ~cut)[dialogue]
        return context

    def _keep(self, rows: Indices) -> "Inputs":
        """Keep some rows, each of them a target."""
        turns = self.turns
        if turns:
            turns = Turns(turns.dialogue[rows], turns.position[rows], turns.speaker[rows])
        return replace(
            self,
            X=take_rows(self.X, rows),
            frames=tuple(replace(one, rows=[one.rows[row] for row in rows]) for one in self.frames),
            turns=turns,
            words=None if self.words is None else tuple(self.words[row] for row in rows),
            targets=np.arange(len(rows)),
            present={modality: found[rows] for modality, found in self.present.items()},
        )


@dataclass(frozen=True)
class Layout:
    """The names, modalities and sizes of what a head was fitted on, as its bundle keeps them.

    Args:
        blocks: in column order.
        frames: name, modality and width of each.
    """

    blocks: tuple[Block, ...]
    frames: tuple[tuple[str, str, int], ...] = ()

    @property
    def width(self) -> int:
        """Number of columns and of dimensions of all frames together."""
        return sum(block.width for block in self.blocks) + sum(width for _, _, width in self.frames)

    def list_modalities(self) -> list[str]:
        """List the modality of each block and then of each feature of frames."""
        return [*(block.modality for block in self.blocks), *(modality for _, modality, _ in self.frames)]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "blocks": [[block.name, block.modality, list(block.shape)] for block in self.blocks],
            "frames": [list(one) for one in self.frames],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Layout":
        """Read what `to_json` returned."""
        blocks = (Block(name, modality, tuple(shape)) for name, modality, shape in content["blocks"])
        return cls(tuple(blocks), tuple((name, modality, width) for name, modality, width in content["frames"]))


def describe_layout(inputs: Inputs) -> Layout:
    """Describe the names, modalities and sizes of inputs."""
    return Layout(inputs.blocks, tuple((one.name, one.modality, one.width) for one in inputs.frames))


def apply_layout(inputs: Inputs, layout: Layout) -> Inputs:
    """Return inputs as a fitted head reads them. The columns of a plain matrix are those of the layout, in its order.

    Raises:
        ValueError: their blocks or frames are not those that the head was fitted on.
    """
    found = describe_layout(inputs)
    if found == layout:
        return inputs
    if any(found.list_modalities()):
        raise ValueError(f"inputs are of {found.to_json()}, and the head was fitted on {layout.to_json()}")
    return inputs if layout.frames else replace(inputs, blocks=layout.blocks)


def from_matrix(X: Any, takes: frozenset[str]) -> Inputs:
    """Make inputs of a plain matrix (N, D): one block, or one frame a row for a head that takes frames.

    Every row is alone: there are no dialogues. A `StreamedMatrix` is always a block.
    """
    if FRAMES in takes and not isinstance(X, StreamedMatrix):
        frames = Frames("X", "", [X[row : row + 1] for row in range(len(X))])
        return Inputs(X[:, :0], (), (frames,))
    return Inputs(X, (Block("X", "", (X.shape[1],)),))
