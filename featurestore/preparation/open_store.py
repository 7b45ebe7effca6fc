"""Open a store, and prepare its corpus first where there is no manifest."""

from pathlib import Path

from featurestore.errors import Mismatch, NotFound, quote
from featurestore.preparation.corpus_json import prepare_command
from featurestore.preparation.prepare import prepare
from featurestore.progress import Say
from featurestore.shards.shard_index import is_sharded
from featurestore.store import CORPUS, DEFAULT, MANIFEST, Store


def open_store(path: Path, corpus: str | None, root: Path | None, say: Say) -> Store:
    """Open a store, and prepare the corpus first if the store has no manifest.

    Without a corpus, only the default store is prepared, with the demo; an existing `corpus.json` is never replaced.

    Args:
        path: the store's folder.
        corpus: its name, to prepare or to check.
        root: the folder of its release, to prepare or to check.
        say: receives lines for the user.

    Raises:
        NotFound: there is no store and no corpus is named.
        Mismatch: the store holds another corpus than the one named.
    """
    has_manifest = is_sharded(path) or (path / MANIFEST).is_file()
    if not (path / CORPUS).is_file() or (corpus is not None and not has_manifest):
        if corpus is None and path != DEFAULT:
            raise NotFound(
                f"there is no feature store at {path}",
                do=f"cli prepare CORPUS ROOT --store {quote(path)}, or name them here: --corpus CORPUS --root ROOT",
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
