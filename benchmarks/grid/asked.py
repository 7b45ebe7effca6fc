"""What a benchmark is asked to compare, its settings by head, and the command that asks for it again."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.evaluation.controls import check_shares
from benchmarks.evaluation.inputs import CROSS_FITTED
from benchmarks.evaluation.normalize import NONE, check_way
from benchmarks.evaluation.params import check_params, parse_params
from benchmarks.evaluation.search import check_searchable
from featurestore.errors import BadValue
from featurestore.folds.grouped import DEV_PARTS


@dataclass(frozen=True)
class Asked:
    """What a benchmark compares, as a user asks for it.

    Args:
        heads: registry names.
        features: as `benchmarks.evaluation.feature_sets` reads them; None for every default feature.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: this one alone.
        split_seed: of the cut, the same for all seeds, since encoders are tuned on one cut.
        seeds: of heads that draw; the others run once.
        normalize: `none`, `global`, `speaker`; several are compared.
        logits: how logits are taken (`benchmarks.evaluation.inputs.resolve`); several are compared.
        params: settings by head, `HEAD.NAME=VALUE` texts.
        search: how many settings to try on dev; 0 takes them as they are.
        search_parts: how many parts of training take turns as dev, at most; 1 is the dev part alone.
        shuffle: also ask every head of a set with both modalities about permuted rows (`evaluation.controls`).
        shares: also fit every head on these shares of the training part, above 0 and below 1.
        allow_leakage: run what leaks, and mark it.
        allow_degenerate: normalise per speaker although most test utterances are of speakers of one class
            (`benchmarks.evaluation.one_class`).
    """

    heads: tuple[str, ...]
    features: str | None = None
    labels: str | None = None
    protocol: str = "holdout"
    fold: str | None = None
    split_seed: int = 0
    seeds: tuple[int, ...] = (0,)
    normalize: tuple[str, ...] = (NONE,)
    logits: tuple[str, ...] = (CROSS_FITTED,)
    params: tuple[str, ...] = ()
    search: int = 0
    search_parts: int = DEV_PARTS
    shuffle: bool = False
    shares: tuple[float, ...] = ()
    allow_leakage: bool = False
    allow_degenerate: bool = False


def settings(asked: Asked) -> dict[str, dict[str, Any]]:
    """The settings of each head.

    Raises:
        BadValue: a setting of a head that is not asked for, or its seed; a way of normalising that is not there; a
            share that is none.
    """
    check_shares(asked.shares)
    for way in asked.normalize:
        check_way(way)
    texts: dict[str, list[str]] = {head: [] for head in asked.heads}
    for text in asked.params:
        head = max((head for head in texts if text.startswith(f"{head}.")), key=len, default="")
        if not head:
            raise BadValue(
                f"{text!r} is no setting of a head here", expected=f"HEAD.NAME=VALUE, HEAD one of {', '.join(texts)}"
            )
        texts[head].append(text.removeprefix(f"{head}."))
    for head in asked.heads:
        check_params(head, [])
        if asked.search:
            check_searchable(head)
    found = {head: parse_params(head, given) for head, given in texts.items()}
    seeded = [head for head, params in found.items() if "random_state" in params]
    if seeded:
        raise BadValue(f"{seeded[0]}.random_state is given, and it is what seeds set", do="--seeds 0,1,2")
    return found


def command(
    asked: Asked, store: Path, out: Path, test_store: Path | None = None, test_labels: str | None = None
) -> str:
    """The `cli benchmark` command that asks for the same, quoted for a shell: every option that is not the default.

    Args:
        asked: what to compare.
        store: the paths as the user gave them, here and below; they are left as they are.
        out: the folder of the benchmark.
        test_store: of the protocol cross-corpus.
        test_labels: its label scheme.

    >>> command(Asked(("svm",), "audio.mean", params=("svm.C=2",)), Path("my store"), Path("out"))
    "cli benchmark --store 'my store' --heads svm --features audio.mean --param svm.C=2 --out out"
    """
    words = ["--store", str(store), *_options(asked)]
    for name, value in (("--test-store", test_store), ("--test-labels", test_labels)):
        words += [name, str(value)] if value is not None else []
    return shlex.join(["cli", "benchmark", *words, "--out", str(out)])


def _options(asked: Asked) -> Iterator[str]:
    for field in fields(asked):
        value, name = getattr(asked, field.name), "--" + field.name.replace("_", "-")
        if value == field.default:
            continue
        if field.name == "params":
            yield from (word for text in value for word in ("--param", text))
        elif value is True:
            yield name
        else:
            yield from (name, ",".join(map(str, value)) if isinstance(value, tuple) else str(value))
