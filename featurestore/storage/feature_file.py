"""Read feature files: packed, contiguous HDF5, written once and read through a memory map.

Every byte is covered by a checksum: each dataset by a sha256 in the attributes, everything else (attributes, layout)
by the seal in front of them, in HDF5's user block.
"""

from functools import cached_property
from pathlib import Path

import numpy as np

from featurestore.errors import Mismatch, NotFound, Unavailable, UnknownName
from featurestore.exposure import TrainedUtterance
from featurestore.spec import format_checkpoint, is_imported, list_reading_options
from featurestore.storage import hdf5, schema, seal
from featurestore.storage.damage import Damaged, OpenForWriting, extract_command, find_store, import_command
from featurestore.storage.open_files import find_writers


class FeatureFile:
    """A finished feature file, open for reading. Datasets are memory maps and never copied whole.

    Raises:
        NotFound: there is no such file.
        Damaged: it is not a feature file, or not as it was written.
        Mismatch: it was written by a newer version.
        OpenForWriting: another program has it open for writing, or was killed while it had.
        Unavailable: the file permissions forbid reading it.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NotFound(f"there is no feature file {path}", do=extract_command(path))
        self.path = path
        self._maps: dict[str, np.ndarray] = {}
        try:
            self._identity = _identify(path)
            self.sealed = seal.check(path)  # before HDF5 reads it: damage in the layout can crash HDF5
            with hdf5.open_file(path) as file:
                self.header = hdf5.read_header(file, path)
                self._layout = hdf5.read_layout(file)
        except seal.Marked:
            raise OpenForWriting(path, find_writers(path)) from None
        except PermissionError as error:
            raise Unavailable(
                f"{path} cannot be read", got=error.strerror or "", do="ask for read access to it"
            ) from None
        except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
            if programs := find_writers(path):  # an unfinished file looks damaged
                raise OpenForWriting(path, programs) from None
            raise Damaged(path, str(error).partition("\n")[0]) from None

    @property
    def update_command(self) -> str:
        """The command that updates the file. It encodes only what has changed, or imports the features again."""
        encoder = self.header.encoder
        if is_imported(encoder):
            return import_command(self.path, encoder["arguments"])
        return extract_command(self.path, format_checkpoint(encoder), list_reading_options(encoder))

    @property
    def place(self) -> str:
        """Path within its store, such as `audio.h5` or `transcripts/asr.h5`."""
        return self.path.relative_to(find_store(self.path)).as_posix()

    @property
    def names(self) -> list[str]:
        """Names of all datasets in the file."""
        return list(self._layout)

    @property
    def kinds(self) -> list[str]:
        """Kinds of features in the file: datasets of one row per utterance, and ragged ones such as `frames`."""
        ragged = [kind for kind, (values, _) in schema.RAGGED.items() if values in self]
        return [name for name in schema.ROWS if name in self._layout] + ragged

    def __contains__(self, name: str) -> bool:
        return name in self._layout

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a dataset as a read-only memory map. Text is fixed-width UTF-8 bytes."""
        if name in self._maps:
            return self._maps[name]
        if name not in self._layout:
            raise UnknownName(f"{self.path} has no dataset {name!r}", expected=", ".join(self._layout))
        offset, shape, dtype = self._layout[name]
        if not all(shape):
            return np.empty(shape, dtype)
        self._check_unchanged()
        # Keep the map: a new one has to look up its pages again.
        self._maps[name] = np.memmap(self.path, dtype, mode="r", offset=offset, shape=shape)
        return self._maps[name]

    def release(self) -> None:
        """Close the memory maps. Pages that were read count as this process's memory while they are mapped."""
        self._maps.clear()

    def _check_unchanged(self) -> None:
        """Raise Mismatch if the file was replaced since it was opened: its datasets may lie elsewhere now."""
        if not self.path.is_file() or _identify(self.path) != self._identity:
            raise Mismatch(
                f"{self.path} has changed since it was opened",
                expected="a file that stays as it is while it is read",
                do="open the store again",
            )

    def text(self, name: str) -> list[str]:
        """Read a dataset of text."""
        return [value.decode("utf-8") for value in self[name].tolist()]

    def keys(self, name: str = schema.KEY) -> list[str]:
        """Read the cache keys of the rows, or of the failures, as hex."""
        packed, width = self[name].tobytes().hex(), 2 * self[name].shape[1]
        return [packed[start : start + width] for start in range(0, len(packed), width)]

    @cached_property
    def ids(self) -> list[str]:
        """Utterance id of each row."""
        return self.text(schema.ID)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each utterance, by id."""
        return {utterance_id: row for row, utterance_id in enumerate(self.ids)}

    @cached_property
    def failed(self) -> dict[str, str]:
        """Utterances that could not be encoded: the reason, by id."""
        return dict(zip(self.text(schema.FAILED_ID), self.text(schema.FAILED_REASON), strict=True))

    @cached_property
    def trained_on(self) -> tuple[TrainedUtterance, ...]:
        """Utterances that the checkpoint was fine-tuned on."""
        ids = self.text(schema.TRAINED_ON) if schema.TRAINED_ON in self else []
        names = (schema.TRAINED_CONTENT, schema.TRAINED_CLIP, schema.TRAINED_ORIGIN)
        return tuple(map(TrainedUtterance, ids, *(self._read_hashes(name, len(ids)) for name in names)))

    @property
    def contents(self) -> list[str]:
        """The sha256 of the encoder's input for each row. Empty texts if the file does not record it.

        A text takes 113 bytes, and the list is not kept: it is read again at each use.
        """
        return self._read_hashes(schema.CONTENT, len(self[schema.ID]))

    def read_content(self, row: int) -> str:
        """Return the sha256 of the encoder's input for one row, or an empty text if the file does not record it."""
        return _format_hash(bytes(self[schema.CONTENT][row])) if schema.CONTENT in self else ""

    def _read_hashes(self, name: str, count: int) -> list[str]:
        """Read a dataset of sha256 sums as hex, with an empty text for each row that has none."""
        return list(map(_format_hash, map(bytes, self[name]))) if name in self else [""] * count

    def frames(self, row: int, kind: str = "frames") -> np.ndarray:
        """Return the frames (T, D) of one row, or its values of another kind of `schema.RAGGED`."""
        values, offsets = schema.RAGGED[kind]
        start, stop = self[offsets][row : row + 2]
        return self[values][start:stop]

    def read_kind(self, kind: str, row: int) -> np.ndarray:
        """Return one kind of one row, ragged or not."""
        values: np.ndarray = self.frames(row, kind) if kind in schema.RAGGED else self[kind][row]
        return values

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        """Read some rows of a dataset into memory. Unlike with a memory map, no pages stay with the process.

        Raises:
            Mismatch: the file is truncated.
        """
        place = self._layout[name]
        values = np.empty((stop - start, *place.shape[1:]), place.dtype)
        with self.path.open("rb", buffering=0) as file:
            file.seek(place.offset + start * place.row_size)
            found = file.readinto(values.reshape(-1).view(np.uint8).data) if values.size else 0
        if found != values.nbytes:
            raise Mismatch(f"{self.path} is truncated", expected=f"{values.nbytes} bytes of {name}", got=str(found))
        return values

    def find_damaged(self) -> list[str]:
        """Return the names of the datasets whose bytes are not those that were written."""
        stored = self.header.digests
        found = {name: place.digest(self.path) for name, place in self._layout.items()}
        return sorted(name for name in {**found, **stored} if found.get(name) != stored.get(name))


def _format_hash(row: bytes) -> str:
    """Return a sha256 as hex, or an empty text for zeros, which stand for none."""
    return row.hex() if any(row) else ""


def _identify(path: Path) -> tuple[int, int]:
    """Return what tells a file from another of its name."""
    found = path.stat()
    return found.st_dev, found.st_ino
