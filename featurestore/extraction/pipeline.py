"""From nothing to features: prepares a corpus where there is no manifest, takes the encoders asked for, extracts."""

from collections.abc import Callable, Sequence
from pathlib import Path

from featurestore.encoders import identify
from featurestore.engines import Engine
from featurestore.errors import BadValue, Mismatch, NotFound, quoted
from featurestore.extraction.extract import Extracted, check_kinds, extract
from featurestore.finetuning import demo_encoders
from featurestore.networks.checkpoint import RECORD
from featurestore.networks.device import check as check_device
from featurestore.networks.identity import Identity
from featurestore.preparation.corpus_json import prepare_command
from featurestore.preparation.prepare import prepare
from featurestore.spec import EncoderSpec, parse_encoder
from featurestore.store import CORPUS, DEFAULT, MANIFEST, Store

Say = Callable[[str], None]

# The paper's encoders.
DEFAULT_ENCODERS = ("text=microsoft/deberta-v3-small", "audio=facebook/wav2vec2-base-960h")


def open_store(path: Path, corpus: str | None, root: Path | None, say: Say) -> Store:
    """Opens a store; where there is none, or only half of one, prepares the corpus first (by default the demo).

    A corpus that is not named is prepared in the default place alone, and never beside a `corpus.json` that is there.

    Raises:
        NotFound: there is no store and no corpus is named.
        Mismatch: the store holds another corpus than the one named.
    """
    if not (path / CORPUS).is_file() or (corpus is not None and not (path / MANIFEST).is_file()):
        if corpus is None and path != DEFAULT:
            raise NotFound(
                f"there is no feature store at {path}",
                do=f"cli prepare CORPUS ROOT --store {quoted(path)}, or name them here: --corpus CORPUS --root ROOT",
            )
        say(f"preparing corpus {corpus or 'demo'} in {path} …")
        prepare(corpus or "demo", root, path)
    store = Store(path)
    if corpus not in (None, store.corpus, store.info.get("reader")):
        raise Mismatch(
            f"{path} holds another corpus", expected=str(corpus), got=store.corpus, do="name another --store"
        )
    if root is not None and root.expanduser().resolve() != Path(store.info["source"]).resolve():
        raise Mismatch(
            f"{path} was prepared from another root",
            expected=str(root.expanduser().resolve()),
            got=store.info["source"],
            do=prepare_command(store, root),
        )
    return store


def extract_all(
    *,
    store: Path,
    corpus: str | None = None,
    root: Path | None = None,
    encoders: Sequence[str] = (),
    all_folds: bool = False,
    optional: Sequence[str] = (),
    jobs: int | None = None,
    device: str | None = None,
    max_seconds: float | None = None,
    engine: str = "loky",
    scheduler: str | None = None,
    say: Say = print,
) -> list[Extracted]:
    """Extracts the features of every encoder asked for; without one, of the corpus's default encoders.

    Args:
        store: the folder; prepared first where it holds no manifest.
        corpus: what to prepare; `root`: where it lies.
        encoders: `[NAME=]CHECKPOINT` texts.
        all_folds: each is a folder of checkpoints, one per fold, and becomes the files `NAME@FOLD.h5`.
        optional: `frames`, `layers`.
        jobs: worker processes; by default the cores.
        device: by default the GPU where there is one.
        max_seconds: a longer clip fails.
        engine: `loky`, `dask` or `ray`; `scheduler`: of a running dask cluster.
        say: receives lines for the user.

    Raises:
        BadValue: there is no such device, a scheduler for an engine that has none, an encoder that lacks an optional
            kind, or two of one name.
        Problem: as `open_store` and `extract` raise.
    """
    where = Engine(engine, scheduler=scheduler or "")
    if device:
        check_device(device, here=where.local)
    opened = open_store(store, corpus, root, say)
    specs = [parse_encoder(text) for text in encoders] or _default_encoders(opened, say)
    if all_folds:
        specs = [each for spec in specs for each in _per_fold(spec)]
    return [
        extract(
            opened,
            identity,
            optional=optional,
            jobs=jobs or 0,
            device=device or "",
            max_seconds=max_seconds,
            engine=engine,
            scheduler=scheduler or "",
            say=say,
        )
        for identity in _identified(specs, optional)
    ]


def _identified(specs: Sequence[EncoderSpec], optional: Sequence[str]) -> list[Identity]:
    """All encoders, known before the first is run for hours; raises BadValue where two would be one file."""
    identities = [identify(spec) for spec in specs]
    for identity in identities:
        check_kinds(identity, optional)
    by_name: dict[str, list[str]] = {}
    for spec, identity in zip(specs, identities, strict=True):
        by_name.setdefault(identity.name, []).append(spec.checkpoint)
    for name, checkpoints in by_name.items():
        if len(checkpoints) > 1:
            raise BadValue(
                f"{len(checkpoints)} encoders are called {name}, and each would replace the one before",
                got=", ".join(checkpoints),
                do="give each a name of its own: --encoder NAME=CHECKPOINT",
            )
    return identities


def _per_fold(spec: EncoderSpec) -> list[EncoderSpec]:
    """The encoders that `cli finetune --all-folds` or `--crossfit` put into a folder."""
    folders = sorted(path.parent for path in Path(spec.checkpoint).glob(f"*/{RECORD}"))
    if not folders or not spec.name:
        raise BadValue(
            f"{spec.checkpoint} is no folder of encoders tuned fold by fold" if spec.name else "an encoder has no name",
            expected="NAME=FOLDER with a checkpoint for each fold in it",
            do="cli finetune --all-folds --out FOLDER, then cli extract --all-folds --encoder NAME=FOLDER",
        )
    return [EncoderSpec(f"{spec.name}@{folder.name}", str(folder)) for folder in folders]


def _default_encoders(store: Store, say: Say) -> list[EncoderSpec]:
    if store.corpus == "demo":
        return demo_encoders.encoders(store, say)
    return [parse_encoder(text) for text in DEFAULT_ENCODERS]
