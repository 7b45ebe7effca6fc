"""Open the folder of a store: its corpus, and the finished feature files of its utterances."""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

from featurestore.default_files import choose_files
from featurestore.errors import Mismatch, NotFound, quote
from featurestore.known_names import check_known
from featurestore.storage.checksum import hash_file
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.json_files import read_object
from featurestore.storage.schema import TRANSCRIPTS
from featurestore.transcript import Transcript

MANIFEST, CORPUS = "utterances.csv", "corpus.json"
DEFAULT = Path("features/demo")
_PREPARE_AGAIN = "run cli prepare again"
_MAKE_DEMO = "cli extract makes the demo store, or give the folder of another store: --store FOLDER"


class StoreFolder:
    """Know the corpus and the feature files of a store.

    Args:
        path: the store's folder.

    Raises:
        NotFound: there is no store.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / CORPUS).is_file():
            raise NotFound(
                f"there is no feature store at {self.path}",
                do=_MAKE_DEMO
                if self.path == DEFAULT
                else f"cli prepare CORPUS ROOT --store {quote(self.path)}, or give the folder of another store",
            )
        self._files: dict[str, FeatureFile] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the absolute path alone. A copy in another process opens its own files, from any working directory."""
        return type(self), (self.path.absolute(),)

    @cached_property
    def info(self) -> dict[str, Any]:
        """Content of corpus.json, which `cli prepare` writes: corpus, version, root, counts, findings."""
        info = read_object(self.path / CORPUS, do=_PREPARE_AGAIN)
        missing = [name for name in ("corpus", "root") if name not in info]
        if missing:
            raise Mismatch(
                f"{self.path / CORPUS} is damaged",
                expected="corpus and root",
                got=f"no {' and no '.join(missing)}",
                do=_PREPARE_AGAIN,
            )
        return info

    @property
    def corpus(self) -> str:
        """Name of the corpus."""
        return str(self.info["corpus"])

    @property
    def root(self) -> Path:
        """Folder that audio paths are relative to."""
        return Path(self.info["root"])

    @property
    def segments(self) -> bool:
        """Whether `start` and `end` select a segment of the clip. If not, they are times in another recording."""
        return bool(self.info.get("segments", False))

    @cached_property
    def manifest_digest(self) -> str:
        """The sha256 of the manifest file."""
        return hash_file(self.path / MANIFEST)

    def encoders(self) -> list[str]:
        """List the names of the finished feature files."""
        return sorted(path.stem for path in self.path.glob("*.h5") if not path.name.startswith("."))

    def list_files(self) -> list[str]:
        """List the paths of the finished feature files and transcripts within the folder, such as `audio.h5`."""
        transcripts = [f"{TRANSCRIPTS}/{name}.h5" for name in self.transcripts()]
        return [*(f"{name}.h5" for name in self.encoders()), *transcripts]

    def list_parts(self) -> list[Path]:
        """List the folders of extractions and transcriptions that are under way or were stopped."""
        return sorted([*self.path.glob("*.parts"), *(self.path / TRANSCRIPTS).glob("*.parts")])

    def transcripts(self) -> list[str]:
        """List the names of the transcripts, which `cli transcribe` makes."""
        return sorted(path.stem for path in (self.path / TRANSCRIPTS).glob("[!.]*.h5"))

    def transcript(self, name: str) -> Transcript:
        """Open a transcript: what a recognizer has written down of every utterance.

        Raises:
            NotFound: the store has no transcript.
            UnknownName: there is none of that name.
            Mismatch: it was made from another manifest than the store has now.
        """
        return Transcript([self._open_transcript(name)])

    def _open_transcript(self, name: str) -> FeatureFile:
        self._check_transcript(name, self.transcripts())
        file = FeatureFile(self.path / TRANSCRIPTS / f"{name}.h5")
        self._check_manifest(file)
        return file

    def _check_transcript(self, name: str, known: Collection[str]) -> None:
        do = f"cli transcribe --store {quote(self.path)} --name {quote(name)} --checkpoint CHECKPOINT"
        if not known:
            raise NotFound(f"{self.path} has no transcript {name!r}, nor any other", do=do)
        check_known(name, known, what=f"transcript {name!r} in {self.path}", do=do)

    def file(self, encoder: str) -> FeatureFile:
        """Open the feature file of an encoder.

        Raises:
            NotFound: the store has no feature files.
            UnknownName: there is none of that name.
            Mismatch: it was made from another manifest than the store has now.
        """
        if encoder not in self._files:
            if not (known := self.encoders()):
                raise self._no_features()
            what = f"encoder {encoder!r} in {self.path}"
            check_known(encoder, known, what=what, do=f"cli inspect {quote(self.path)}")
            file = FeatureFile(self.path / f"{encoder}.h5")
            self._check_manifest(file)
            self._files[encoder] = file
        return self._files[encoder]

    def describe(self, encoder: str) -> dict[str, Any]:
        """Return how an encoder's vectors were made, as stored in its file."""
        return self.file(encoder).header.encoder

    def modality(self, encoder: str) -> str:
        """Return the modality of an encoder, `audio` or `text`."""
        return self.file(encoder).header.modality

    def digests(self, encoder: str) -> dict[str, str]:
        """Return the sha256 of each dataset of an encoder's file."""
        return self.file(encoder).header.digests

    def kinds(self, encoder: str) -> list[str]:
        """List the kinds of features of an encoder, and each of its layers as `layers[NUMBER]`."""
        file = self.file(encoder)
        layers = [f"layers[{number}]" for number in range(file["layers"].shape[1])] if "layers" in file else []
        return file.kinds + layers

    def default_features(self) -> list[str]:
        """List `mean` (or `functionals`) and, if there are any, `logits` of every encoder.

        An encoder that was fine-tuned for each fold (`text@1`, `text@2`, …) is listed once, by its name without the
        fold. Files of the paper's experiment (`text@paper-fixed`) are left out, and so are features of recognized words
        where the store has those of the corpus's own (`featurestore.default_files`).

        Raises:
            NotFound: the store has no such features.
        """
        found = []
        for encoder, file in choose_files(self).items():
            kinds = self.kinds(file)
            found += [f"{encoder}.{kind}" for kind in ("mean", "functionals", "logits") if kind in kinds]
        if not found:
            raise self._no_features()
        return found

    def _no_features(self) -> NotFound:
        return NotFound(f"{self.path} holds no features yet", do=f"cli extract --store {quote(self.path)}")

    def _check_manifest(self, file: FeatureFile) -> None:
        if file.header.manifest != self.manifest_digest:
            raise Mismatch(
                f"{file.path} was made from another manifest than {self.path / MANIFEST}",
                expected=f"manifest {self.manifest_digest[:12]}",
                got=f"manifest {file.header.manifest[:12]}",
                do=file.update_command,
            )
