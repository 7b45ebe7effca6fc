"""Parse feature sets: ready ones (`text`, `audio`, `both`, …), or features listed one by one."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmarks.evaluation.source import FeatureSource
from featurestore.default_files import choose_files
from featurestore.encoders import list_optional_kinds
from featurestore.errors import BadValue, NotFound, UnknownName, quote
from featurestore.feature_names import explain_unknown, is_bare, list_features
from featurestore.spec import GOLD, FeatureSpec, format_checkpoint, parse_feature

READY = {
    "text": "mean and logits of every text encoder",
    "audio": "mean (or functionals) and logits of every audio encoder",
    "both": "the sets text and audio together",
    "embeddings": "everything but the logits, of every encoder",
    "logits": "the logits of every encoder",
    "layers": "one set for each layer of each encoder",
}


@dataclass(frozen=True)
class FeatureSet:
    """A named set of features.

    Args:
        name: in results.
        features: in column order; empty for one of `READY` until a store fills it in.
        bare: a text that names no kind of feature, such as `egemaps`. Only a store can say what is meant.
        words: the transcript that a head of words alone reads; empty for the words of the corpus.
    """

    name: str
    features: tuple[FeatureSpec, ...] = ()
    bare: str = ""
    words: str = ""

    def __str__(self) -> str:
        """Write the set as `parse_feature_sets` reads it."""
        features = "+".join(map(str, self.features))
        return features if features == self.name else "=".join(filter(None, (self.name, features)))


def parse_feature_sets(text: str | None) -> tuple[FeatureSet, ...]:
    """Parse the text of `--features`.

    Args:
        text: names of ready sets and features, separated by commas. Features joined by `+` are one set, which may have
            a name: `text,audio,both`, `audio.mean,means=audio.mean+text.mean`. None: one set of every default feature.

    Raises:
        BadValue: it is empty, or names neither a ready set nor a feature. The name of an encoder without a kind is
            refused by `fill_feature_sets`, with what the store holds.

    >>> [str(one) for one in parse_feature_sets("both, audio.mean+text.mean, words=text.mean")]
    ['both', 'audio.mean+text.mean', 'words=text.mean']
    """
    if text is None:
        return ()
    items = [item.strip() for item in text.split(",") if item.strip()]
    if not items:
        raise BadValue("--features is empty", expected=f"features, or {', '.join(READY)}")
    return tuple(FeatureSet(item) if item in READY else _parse_set(item) for item in items)


def fill_feature_sets(
    store: FeatureSource, feature_sets: Sequence[FeatureSet], kind: str = "", modality: str = ""
) -> list[FeatureSet]:
    """Look up the features of ready sets in a store.

    Args:
        store: the ready sets are made of its features.
        feature_sets: as `parse_feature_sets` gives them; empty for one set of every default feature.
        kind: that a head reads by default, such as `frames`. The ready sets are then of this kind and called so:
            `both frames`.
        modality: the only one that a head reads; by default both. A ready set of another or of both is none for it.

    Raises:
        UnknownName: a ready set is empty in this store, or not of the modality alone, or a feature is not in the store.
        NotFound: no encoder of the store has features of this kind.
        BadValue: two different sets have the same name.
    """
    found: dict[str, FeatureSet] = {}
    for one in [filled for item in feature_sets for filled in _fill(store, item, kind, modality)]:
        if found.setdefault(one.name, one) != one:
            raise BadValue(
                f"two feature sets have the name {one.name!r}", do="name them differently: --features NAME=…"
            )
    return list(found.values()) or [name_features(_default_features(store, kind, modality))]


def name_features(features: Iterable[FeatureSpec]) -> FeatureSet:
    """Make a set that is called by its features."""
    chosen = tuple(features)
    return FeatureSet("+".join(map(str, chosen)), chosen)


def check_features(store: FeatureSource, features: Iterable[str]) -> None:
    """Check that an encoder of the store has the kind of feature that is asked of it.

    Raises:
        UnknownName: it does not, or no kind is named. The message gives the command that adds frames or layers, or
            the closest feature of this encoder.
    """
    for feature in features:
        encoder, _, kind = feature.partition(".")
        if names_words(store, feature):
            continue  # only heads that read words take it
        encoder = encoder.partition("@")[0]
        files = [name for name in store.encoders() if name.partition("@")[0] == encoder]
        if kind == "text" and not files:
            raise _explain_unknown_words(store, encoder)
        if not files and store.encoders():
            raise explain_unknown(feature, _list_plain_features(store), store.path)
        if not files or "@" in feature or "[" in feature:
            continue  # where they are read, folds, frames and layers are checked
        own = list(dict.fromkeys(f"{encoder}.{one}" for name in files for one in store.kinds(name)))
        if feature in own:
            continue
        plain = [name for name in own if "[" not in name]
        close = difflib.get_close_matches(feature, own, n=1)
        raise UnknownName(
            f"unknown feature {feature!r}",
            expected=f"ENCODER.KIND, one of {', '.join(plain or own)}",
            do=_suggest_extraction(store, files, kind) or f"did you mean {' or '.join(close or plain or own)}?",
        )


def names_words(store: FeatureSource, feature: str) -> bool:
    """Tell whether a text names words in place of a feature: `asr.text` of a transcript, `gold.text` of the corpus."""
    name, _, kind = feature.partition(".")
    return kind == "text" and (name == GOLD or name in store.transcripts())


def _explain_unknown_words(store: FeatureSource, name: str) -> UnknownName:
    return UnknownName(
        f"unknown feature '{name}.text': {store.path} has no transcript {name!r}",
        expected=", ".join(f"{one}.text" for one in (GOLD, *store.transcripts())),
        do=f"cli transcribe --store {quote(store.path)} --name {name}",
    )


def find_modality(store: FeatureSource, encoder: str) -> str:
    """Find whether an encoder reads `audio` or `text`, also one that is fine-tuned per fold, by its plain name."""
    own = [name for name in store.encoders() if name.partition("@")[0] == encoder]
    return store.modality(own[0] if own else encoder)


def _parse_set(item: str) -> FeatureSet:
    name, _, features = item.rpartition("=")
    parts = features.split("+")
    if bare := next((part.strip() for part in parts if is_bare(part.strip())), ""):
        return FeatureSet(item, bare=bare)
    found = name_features(map(_parse, parts))
    return replace(found, name=name or features)


def _parse(text: str) -> FeatureSpec:
    try:
        return parse_feature(text)
    except BadValue as error:
        raise BadValue(
            error.what,
            expected=f"ENCODER.KIND such as audio.mean, or a ready set: {', '.join(READY)}",
            do="see the features of the store: cli inspect STORE",
        ) from None


def _list_plain_features(store: FeatureSource) -> list[str]:
    """List the features of a store, those of encoders that are fine-tuned per fold by their plain names."""
    return list(dict.fromkeys(re.sub(r"@[^.]*", "", name) for name in list_features(store)))


def _fill(store: FeatureSource, feature_set: FeatureSet, kind: str, modality: str) -> list[FeatureSet]:
    if feature_set.bare:
        raise explain_unknown(feature_set.bare, _list_plain_features(store), store.path)
    if feature_set.features:
        check_features(store, map(str, feature_set.features))
        return [feature_set]
    if feature_set.name == "layers":
        return _list_layers(store)
    name = f"{feature_set.name} {kind}".strip()
    return [replace(feature_set, name=name, features=_choose_ready(store, feature_set.name, kind, modality))]


def _choose_ready(store: FeatureSource, name: str, kind: str, modality: str) -> tuple[FeatureSpec, ...]:
    def is_wanted(feature: FeatureSpec) -> bool:
        if name == "logits":
            return feature.kind == "logits"
        if name == "embeddings":
            return feature.kind != "logits"
        return name == "both" or find_modality(store, feature.encoder) == name

    if modality and name in {"text", "audio", "both"} - {modality}:
        raise UnknownName(f"the set {name!r} is not of {modality} alone", do=f"--features {modality}")
    available = _default_features(store, kind, modality)
    chosen = tuple(filter(is_wanted, available))
    missing = {"text", "audio"} - {find_modality(store, feature.encoder) for feature in chosen}
    if not chosen or (name == "both" and missing):
        raise UnknownName(
            f"the store has no feature for the set {name!r}",
            expected=READY[name],
            got=", ".join(map(str, available)),
            do="see the features: cli inspect STORE; extract more: cli extract",
        )
    return chosen


def _default_features(store: FeatureSource, kind: str, modality: str) -> list[FeatureSpec]:
    """List one feature of each encoder of a kind, or the store's default features for no kind in particular."""
    found = _list_kind(store, kind) if kind else [parse_feature(feature) for feature in store.default_features()]
    return [one for one in found if not modality or find_modality(store, one.encoder) == modality] or found


def _list_kind(store: FeatureSource, kind: str) -> list[FeatureSpec]:
    """List the feature of a kind of each encoder that has it."""
    names = choose_files(store)
    found = [FeatureSpec(encoder, kind) for encoder, name in names.items() if kind in store.kinds(name)]
    if not found:
        raise NotFound(
            f"{store.path} has no {kind} of any encoder",
            expected=f"a feature file with {kind}",
            got=", ".join(names),
            do=_suggest_extraction(store, names.values(), kind)
            or f"extract an encoder that has {kind}, such as a network of cli list encoders",
        )
    return found


def _suggest_extraction(store: FeatureSource, encoders: Iterable[str], kind: str) -> str:
    """Write the command that adds frames or layers to a store, or an empty string if no encoder can give them."""
    described = {name: store.describe(name) for name in encoders}
    checkpoints = {name: format_checkpoint(one) for name, one in described.items() if kind in list_optional_kinds(one)}
    words = [f"--encoder {quote(f'{name}={checkpoint}')}" for name, checkpoint in checkpoints.items()]
    return f"cli extract --store {quote(store.path)} {' '.join(words)} --{kind}" if words else ""


def _list_layers(store: FeatureSource) -> list[FeatureSet]:
    names = [f"{name}.{kind}" for name in store.encoders() for kind in store.kinds(name) if kind.startswith("layers[")]
    features = [parse_feature(name) for name in dict.fromkeys(re.sub(r"@[^.]*", "", name) for name in names)]
    if not features:
        raise UnknownName(
            "the store has no feature for the set 'layers'", expected=READY["layers"], do="cli extract --layers"
        )
    return [name_features([feature]) for feature in features]
