"""Map a corpus's own label codes to the classes that heads learn: label schemes."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore import registry
from featurestore.corpora import COMMON_SCHEMES, CorpusCard, map_to_common
from featurestore.errors import BadValue, Mismatch, NotFound, format_count
from featurestore.known_names import check_known
from featurestore.manifest import Utterance, list_column, map_column

ALL = "all"


@dataclass(frozen=True)
class Scheme:
    """A label scheme.

    Args:
        name: of the scheme, or the path of its JSON file.
        classes: the class of each label code, None for a code that the scheme leaves out. None in place of the mapping
            is the scheme `all`, in which every code is its own class.
    """

    name: str
    classes: Mapping[str, str | None] | None

    def apply(self, utterances: Sequence[Utterance]) -> dict[str, str]:
        """Return the class of each utterance that the scheme keeps, by id, in manifest order.

        Raises:
            Mismatch: a label is not in the scheme, or no utterance is left.
        """
        labels: dict[str, str] = map_column(utterances, "label")
        counts = Counter(labels.values())
        del counts[""]
        if self.classes is not None:
            self._check_codes(counts)
        of_code = {code: code if self.classes is None else self.classes[code] for code in counts} | {"": None}
        classes = {utterance_id: value for utterance_id, code in labels.items() if (value := of_code[code]) is not None}
        if not classes:
            raise Mismatch(
                f"label scheme {self.name!r} keeps none of {len(utterances)} utterances", do="cli list labels"
            )
        return classes

    def _check_codes(self, counts: Mapping[str, int]) -> None:
        known = self.classes or {}
        unknown = {code: count for code, count in counts.items() if code not in known}
        if unknown:
            word = "label" if len(unknown) == 1 else "labels"
            raise Mismatch(
                f"label scheme {self.name!r} does not know the {word} {', '.join(map(repr, unknown))}",
                expected=", ".join(known),
                got=", ".join(f"{code!r} on {format_count(count, 'utterance')}" for code, count in unknown.items()),
                do=self._advise(next(iter(unknown))),
            )

    def _advise(self, code: str) -> str:
        key = json.dumps(code, ensure_ascii=False)
        if self.name.endswith(".json"):
            return f'add {key}: "class" to the file, or {key}: null to leave it out'
        return (
            "choose another scheme from cli list labels with --labels NAME; --labels all keeps every label; "
            f"--labels FILE.json is a mapping of your own, in which {key}: null leaves the label out"
        )


def list_schemes() -> dict[str, str]:
    """List the named label schemes, each with one line on the classes that it keeps."""
    lines = {ALL: "every label of the corpus as its own class"}
    for name, classes in {**COMMON_SCHEMES, **_collect_schemes()}.items():
        kept = list(dict.fromkeys(value for value in classes.values() if value))
        lines[name] = f"{len(kept)} classes: {', '.join(kept)}"
        if name in COMMON_SCHEMES:
            lines[name] += f", in any corpus{', with excited as happy' if 'excited' in classes else ''}"
    return lines


def choose_scheme(name: str | None, corpus: str, utterances: Sequence[Utterance]) -> Scheme:
    """Return a label scheme for a corpus.

    In a corpus of the user's own, a common scheme such as `big-4` knows the labels by the English words for emotions.

    Args:
        name: of the scheme, or the path of its JSON file; None for the corpus's own.
        corpus: its name.
        utterances: of the corpus.

    Raises:
        UnknownName: there is no such scheme.
        NotFound: there is no such file.
        BadValue: the file is not a label scheme.
    """
    name = name or find_default(corpus)
    if name not in COMMON_SCHEMES:
        return load_scheme(name)
    card = load_card(corpus) if corpus in registry.names("corpora") else None
    if card and card.labels:
        return Scheme(name, card.find_classes(name))
    return Scheme(name, map_to_common(name, {label: label for label in list_column(utterances, "label") if label}))


def load_scheme(name: str) -> Scheme:
    """Return a label scheme by its name, or read it from a JSON file `{"code": "class", "left-out code": null}`.

    A common scheme depends on the corpus: see `choose_scheme`.

    Raises:
        UnknownName: there is no such scheme.
        NotFound: there is no such file.
        BadValue: the file is not such a mapping.
    """
    if name == ALL:
        return Scheme(ALL, None)
    if name.endswith(".json"):
        return Scheme(name, _read_classes(Path(name)))
    check_known(name, list_schemes(), what=f"label scheme {name!r}", do="cli list labels")
    return Scheme(name, _collect_schemes()[name])


def find_default(corpus: str) -> str:
    """Return the name of a corpus's default label scheme."""
    if corpus not in registry.names("corpora"):
        return ALL
    return load_card(corpus).default_scheme or ALL


def load_card(corpus: str) -> CorpusCard:
    """Return the card of a corpus.

    Raises:
        UnknownName: there is no such corpus.
    """
    found: CorpusCard = registry.module("corpora", corpus).CARD
    return found


def _collect_schemes() -> dict[str, Mapping[str, str | None]]:
    cards = [module.CARD for _, module in registry.import_modules("corpora")]
    return {name: classes for card in cards for name, classes in card.schemes.items()}


def _read_classes(path: Path) -> dict[str, str | None]:
    if not path.is_file():
        raise NotFound(
            f"there is no label file {path}",
            do="give the path of a JSON file that maps label codes to classes, or a name from cli list labels",
        )
    try:
        classes = json.loads(path.read_bytes())  # a user's own file: UTF-8 or UTF-16, with or without byte-order mark
    except ValueError as error:
        raise BadValue(f"{path} is not JSON: {error}", expected='{"code": "class", "left-out code": null, …}') from None
    if not isinstance(classes, dict) or not all(value is None or isinstance(value, str) for value in classes.values()):
        raise BadValue(f"{path} is not a label scheme", expected='{"code": "class", "left-out code": null, …}')
    return classes
