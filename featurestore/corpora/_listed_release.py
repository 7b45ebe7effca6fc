"""Read a release whose label files list its clips."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from featurestore.corpora._clip_lengths import set_durations
from featurestore.corpora._finding_list import FindingList
from featurestore.corpora._label_tables import read_rows
from featurestore.corpora._reading import CorpusCard, Reading
from featurestore.corpora._release_files import ReleaseFiles, normalize_name
from featurestore.manifest import Utterance

_NO_TABLE = "label files that are missing"
_SECOND_TABLES = "second label files of a name, ignored; the least nested one is used"
_SECOND_ROWS = "clips that a label file lists twice; the first row is used"
_NO_NAME = "rows of a label file without the name of a clip, ignored"
_SECOND_CLIPS = "second files of a clip, ignored; the least nested one is used"
_UNLISTED = "clips that no label file lists, ignored"


class ListedRelease:
    """Label files and clips of a release.

    Files are found by name in any folder, whatever the case and Unicode form. Clips are found without their suffix,
    since copies convert them.

    Args:
        root: folder of the release.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found = FindingList()
        self.files = ReleaseFiles(root, self.found)
        self._listed: set[str] = set()
        self._clips: dict[str, list[str]] = {}
        for clip in self.files.clips():
            self._clips.setdefault(_normalize_stem(clip), []).append(clip)

    def read_table(self, name: str, columns: Sequence[str], *, delimiter: str = ",") -> list[dict[str, str]]:
        """Read the rows of a label file. It is reported if it is missing, and has no rows then.

        Args:
            name: of the file, or its path with folders.
            columns: that it must have.
            delimiter: between two cells.

        Raises:
            Mismatch: a column is missing, or the file cannot be parsed.
            NotFound: the file cannot be read.
        """
        paths = self._find_tables(name)
        self.found.add(_NO_TABLE, [] if paths else [name])
        self.found.add(_SECOND_TABLES, paths[1:])
        if not paths:
            return []
        return read_rows(self.root / paths[0], columns, self.found, delimiter=delimiter)

    def has_table(self, name: str) -> bool:
        """Return whether there is a label file of that name or path."""
        return bool(self._find_tables(name))

    def select_clips(self, column: str, rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
        """Return the first row of each clip, by the name that a column gives it. Others are reported."""
        selected: dict[str, dict[str, str]] = {}
        for row in rows:
            name = _normalize_stem(row[column])
            if not name:
                self.found.add(_NO_NAME, [", ".join(row.values())])
            elif name in selected:
                self.found.add(_SECOND_ROWS, [row[column]])
            else:
                selected[name] = row
        return list(selected.values())

    def find_clip(self, listed: str) -> str:
        """Return the path of a listed clip as it is on the disk, or as it is listed if it is missing."""
        name = _normalize_stem(listed)
        self._listed.add(name)
        return next(iter(self._clips.get(name, ())), listed)

    def has_clip(self, listed: str) -> bool:
        """Return whether a listed clip is on the disk."""
        return _normalize_stem(listed) in self._clips

    def complete(self, rows: Sequence[Utterance], card: CorpusCard) -> Reading:
        """Return the reading with the length of each clip, and with findings on unknown labels and other clips.

        Args:
            rows: whose clips have been found by `find_clip`.
            card: of the corpus.
        """
        for row in rows:
            if row.label not in card.labels:
                self.found.add(f"utterances with the unknown label {row.label!r}", [row.id])
        for name, clips in self._clips.items():
            self.found.add(_SECOND_CLIPS if name in self._listed else _UNLISTED, clips[name in self._listed :])
        complete, lengths = set_durations(self.root, rows)
        return Reading(complete, (*self.found.findings(), *lengths))

    def _find_tables(self, name: str) -> tuple[str, ...]:
        """Return the paths of the files of a name, or of those that end in a path."""
        end = f"/{normalize_name(name)}"
        named = self.files.find_named(PurePosixPath(name).name)
        return tuple(path for path in named if f"/{normalize_name(path)}".endswith(end))


def _normalize_stem(path: str) -> str:
    return normalize_name(PurePosixPath(path).stem)
