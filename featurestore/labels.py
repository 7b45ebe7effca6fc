"""Label schemes: how a corpus's own codes become the classes that heads learn."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore import registry
from featurestore.corpora import Card
from featurestore.errors import BadValue, Mismatch
from featurestore.manifest import Utterance

ALL = "all"


@dataclass(frozen=True)
class Scheme:
    """A label scheme: `classes[code]` is the class of a code, None where the scheme leaves it out.

    `classes` is None for the scheme `all`, which takes every code as its own class.
    """

    name: str
    classes: Mapping[str, str | None] | None

    def apply(self, utterances: Sequence[Utterance]) -> dict[str, str]:
        """The class of each utterance that the scheme keeps, by id, in manifest order.

        Raises:
            Mismatch: a label that the scheme does not know, or no utterance left.
        """
        labelled = [utterance for utterance in utterances if utterance.label]
        if self.classes is None:
            kept: dict[str, str | None] = {utterance.id: utterance.label for utterance in labelled}
        else:
            self._check(Counter(utterance.label for utterance in labelled))
            kept = {utterance.id: self.classes[utterance.label] for utterance in labelled}
        classes = {name: value for name, value in kept.items() if value is not None}
        if not classes:
            raise Mismatch(
                f"label scheme {self.name!r} keeps none of {len(utterances)} utterances", do="cli list labels"
            )
        return classes

    def _check(self, counts: Mapping[str, int]) -> None:
        known = self.classes or {}
        unknown = {code: count for code, count in counts.items() if code not in known}
        if unknown:
            raise Mismatch(
                f"label scheme {self.name!r} does not know the label {', '.join(map(repr, unknown))}",
                expected=", ".join(known),
                got=", ".join(f"{code!r} on {count} utterances" for code, count in unknown.items()),
                do=self._advice(next(iter(unknown))),
            )

    def _advice(self, code: str) -> str:
        told = json.dumps(code, ensure_ascii=False)
        if self.name.endswith(".json"):
            return f'add {told}: "class" to the file, or {told}: null to leave it out'
        return (
            "cli list labels, then --labels NAME; --labels all takes every label as it is; "
            f"--labels FILE.json a map of your own, in which {told}: null leaves the label out"
        )


def schemes() -> dict[str, str]:
    """Every named scheme with one line on what it keeps."""
    lines = {ALL: "every label of the corpus as its own class"}
    for name, classes in _named().items():
        kept = list(dict.fromkeys(value for value in classes.values() if value))
        lines[name] = f"{len(kept)} classes: {', '.join(kept)}"
    return lines


def scheme(name: str) -> Scheme:
    """The scheme of that name, or of a JSON file `{"code": "class", "left-out code": null}`.

    Raises:
        UnknownName: no such scheme or file.
        BadValue: the file is not such a mapping.
    """
    if name == ALL:
        return Scheme(ALL, None)
    if name.endswith(".json") and Path(name).is_file():
        return Scheme(name, _from_file(Path(name)))
    registry.check(name, schemes(), what=f"label scheme {name!r}", do="cli list labels")
    return Scheme(name, _named()[name])


def default(corpus: str) -> str:
    """The scheme of a corpus unless another is asked for."""
    if corpus not in registry.names("corpora"):
        return ALL
    return card(corpus).default_scheme or ALL


def card(corpus: str) -> Card:
    """The card of a corpus."""
    found: Card = registry.module("corpora", corpus).CARD
    return found


def _named() -> dict[str, Mapping[str, str | None]]:
    cards = [module.CARD for _, module in registry.import_modules("corpora")]
    return {name: classes for card in cards for name, classes in card.schemes.items()}


def _from_file(path: Path) -> dict[str, str | None]:
    try:
        classes = json.loads(path.read_bytes())  # in UTF-8 or UTF-16, with a byte-order mark or without
    except ValueError as error:
        raise BadValue(f"{path} is not JSON: {error}") from None
    if not isinstance(classes, dict) or not all(value is None or isinstance(value, str) for value in classes.values()):
        raise BadValue(f"{path} is not a label scheme", expected='{"code": "class", "left-out code": null, …}')
    return classes
