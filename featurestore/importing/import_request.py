"""Check the arguments of an import, and describe the origin of the features."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, quote
from featurestore.exposure import STATED, UNKNOWN
from featurestore.importing.feature_table import ReadOptions
from featurestore.importing.id_lists import read_ids
from featurestore.importing.open_table import find_format
from featurestore.spec import IMPORTED
from featurestore.storage import schema
from featurestore.storage.checksum import hash_file

KINDS = (*schema.ROWS, "frames")
MODALITIES = ("audio", "text")
_NAME = re.compile(r"[\w-]+(@[\w-]+)?")


class ImportRequest:
    """The arguments of an import, checked. They are those of `import_features`.

    Raises:
        BadValue: an argument is invalid, or the modality is unknown.
        NotFound: there is no such file.
    """

    def __init__(
        self,
        file: Path,
        name: str,
        modality: str | None,
        kind: str | None,
        array: str | None,
        ids: Path | None,
        id_column: str | None,
        classes: Sequence[str],
        trained_on: Path | None,
    ) -> None:
        self.file, self.name, self.kind = file, name, kind or ""
        self.array, self.id_column, self.classes = array or "", id_column or "", tuple(classes)
        self.format = find_format(file)
        self._check(modality)
        self.modality = modality or self._guess_modality()
        self.lists = {"ids": ids, "trained_on": trained_on}
        self.ids = read_ids(ids) if ids else None
        self.trained_on = read_ids(trained_on) if trained_on else None
        self.options = ReadOptions(self.array, self.kind, self.ids, self.id_column, self.modality)

    def describe(self) -> dict[str, Any]:
        """Describe the origin of the features, as a feature file stores it for its encoder."""
        options = {"kind": self.kind, "array": self.array, "id_column": self.id_column, "classes": list(self.classes)}
        options |= {f"{one}_sha256": hash_file(path) for one, path in self.lists.items() if path}
        return {
            "class": IMPORTED,
            "checkpoint": os.path.abspath(self.file),
            "format": self.format,
            "sha256": hash_file(self.file),
            "options": {one: value for one, value in options.items() if value},
            "trained_on": UNKNOWN if self.trained_on is None else STATED,
            "arguments": self._format_arguments(),
        }

    def _check(self, modality: str | None) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadValue(f"{self.name!r} is not a name of features", expected="letters, digits, - and _")
        if self.kind and self.kind not in KINDS:
            raise BadValue(f"unknown kind {self.kind!r}", expected=", ".join(KINDS))
        if modality and modality not in MODALITIES:
            raise BadValue(f"unknown modality {modality!r}", expected=" or ".join(MODALITIES))

    def _guess_modality(self) -> str:
        words = (self.name.partition("@")[0], self.array)
        found = {one for one in MODALITIES if one in words} | ({"audio"} if self.kind == "functionals" else set())
        if len(found) != 1:
            raise BadValue(
                f"the modality of {self.name} is unknown",
                expected=" or ".join(MODALITIES),
                do="--modality audio for features of clips, --modality text for features of transcripts",
            )
        return found.pop()

    def _format_arguments(self) -> str:
        """Return the arguments of the command that imports the file again, without store and name."""
        values = {"modality": self.modality, "kind": self.kind, "array": self.array, "id-column": self.id_column}
        values |= {one.replace("_", "-"): os.path.abspath(path) for one, path in self.lists.items() if path}
        values |= {"classes": ",".join(self.classes)}
        options = [f"--{one} {quote(value)}" for one, value in values.items() if value]
        return " ".join([*options, quote(os.path.abspath(self.file))])
