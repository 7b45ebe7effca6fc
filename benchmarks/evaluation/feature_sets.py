"""Sets of features to compare: named ones (`text`, `audio`, `both`, …) or lists of one's own."""

import re

from benchmarks.evaluation.source import Store
from featurestore.errors import BadValue, UnknownName
from featurestore.spec import parse_feature

READY = {
    "text": "mean and logits of every text encoder",
    "audio": "mean (or functionals) and logits of every audio encoder",
    "both": "the two together",
    "embeddings": "of every encoder all but the logits",
    "logits": "of every encoder the logits alone",
    "layers": "each layer of each encoder as a set of its own",
}


def feature_sets(store: Store, text: str | None) -> dict[str, tuple[str, ...]]:
    """The sets that were asked for, by name.

    Args:
        store: whose features the ready sets are made of.
        text: names of ready sets and features, parted by commas; features joined by `+` are one set, which may have a
            name of its own: `text,audio,both`, `audio.mean,means=audio.mean+text.mean`. None: one set of every default
            feature.

    Raises:
        UnknownName: a ready set that would be empty here.
        BadValue: what is neither a ready set nor a feature, or two sets of one name.
    """
    if text is None:
        return {"+".join(store.default_features()): tuple(store.default_features())}
    found: dict[str, tuple[str, ...]] = {}
    for item in re.split(r",", text):
        for name, features in _sets(store, item.strip()).items():
            if name in found and found[name] != features:
                raise BadValue(f"two feature sets are called {name!r}", do="give each a name of its own")
            found[name] = features
    if not found:
        raise BadValue("no feature was asked for", expected=f"features, or {', '.join(READY)}")
    return found


def _sets(store: Store, item: str) -> dict[str, tuple[str, ...]]:
    if item == "layers":
        return _layers(store)
    if item in READY:
        return {item: _ready(store, item)}
    name, _, features = item.rpartition("=")
    return {name or features: tuple(_checked(part) for part in features.split("+"))} if item else {}


def _ready(store: Store, name: str) -> tuple[str, ...]:
    def wanted(feature: str) -> bool:
        spec = parse_feature(feature)
        if name == "logits":
            return spec.kind == "logits"
        if name == "embeddings":
            return spec.kind != "logits"
        return name == "both" or modality(store, spec.encoder) == name

    chosen = tuple(feature for feature in store.default_features() if wanted(feature))
    missing = {"text", "audio"} - {modality(store, parse_feature(feature).encoder) for feature in chosen}
    if not chosen or (name == "both" and missing):
        raise UnknownName(
            f"the feature set {name!r} is empty here",
            expected=READY[name],
            got=", ".join(store.default_features()),
            do="cli inspect STORE lists what there is; cli extract makes more",
        )
    return chosen


def _layers(store: Store) -> dict[str, tuple[str, ...]]:
    names = [f"{name}.{kind}" for name in store.encoders() for kind in store.kinds(name) if kind.startswith("layers")]
    found = list(dict.fromkeys(re.sub(r"@[^.]*", "", name) for name in names))
    if not found:
        raise UnknownName("the feature set 'layers' is empty here", expected=READY["layers"], do="cli extract --layers")
    return {name: (name,) for name in found}


def modality(store: Store, encoder: str) -> str:
    """`audio` or `text`, also of an encoder that is tuned fold by fold and asked for by its plain name."""
    own = [name for name in store.encoders() if name.partition("@")[0] == encoder]
    return store.modality(own[0] if own else encoder)


def _checked(text: str) -> str:
    try:
        return str(parse_feature(text))
    except BadValue as error:
        raise BadValue(
            error.what, expected=f"ENCODER.KIND such as audio.mean, or a ready set: {', '.join(READY)}"
        ) from None
