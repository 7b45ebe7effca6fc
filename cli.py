"""The command line: each command parses, calls one function, and prints; errors become messages in one place."""

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

PARTLY_FAILED = 3
SEED = click.IntRange(0, 2**32 - 1)  # what NumPy and scikit-learn take
SEED.name = "whole number"  # in messages
DRAWS, PARTS = click.IntRange(min=0), click.IntRange(1, 5)  # of a search for settings
# Why a disk refuses to write: it is full, or the place is none.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (
    *(errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.ENOENT),
    *(errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP),
)


class Commands(click.Group):
    """A click group in which every error that a user can cause ends as a message and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; a Problem, or the disk's own refusal, is told without a traceback."""
        from featurestore.errors import Problem

        try:
            return super().invoke(ctx)
        except Problem as problem:
            raise click.ClickException(str(problem)) from None
        except OSError as error:
            if error.errno not in FULL + REFUSED:
                raise
            where = f": {error.filename}" if error.filename else ""
            do = "make room or choose another folder" if error.errno in FULL else "choose another folder"
            raise click.ClickException(
                f"{error.strerror}{where}\n  do: {do}, then run the same command again"
            ) from None


CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110}


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(package_name="emofuse", prog_name="cli")
def main() -> None:
    """Feature store and fusion heads for multimodal speech emotion recognition.

    Encoders are tuned once and frozen; the features of every utterance go into a store; heads are fitted and compared
    on the stored features. Bare, every command works on the demo corpus:

    \b
      cli extract
      cli fit-head --head mlp
    """


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--store`, the same for every command."""
    return click.option(
        "--store",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="FEATURESTORE",
        default="features/demo",
        show_envvar=True,
        help="Folder of the feature store.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`, for programs that read the answer."""
    return click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command)


def column_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--column`, of the commands that read a table."""
    return click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="COLUMN=NAME",
        help="What a table calls a column (label, audio, text, speaker …), if not so; may be repeated.",
    )(command)


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--search` and `--search-parts`, the same for fit-head and benchmark."""
    parts = click.option(
        "--search-parts",
        type=PARTS,
        default=5,
        help="How many parts of training take turns as dev for --search: 1 is faster, 5 chooses better.",
    )
    draws = click.option(
        "--search",
        type=DRAWS,
        default=0,
        help="Choose a head's settings: the best of its own and so many drawn ones, on parts of training alone.",
    )
    return draws(parts(command))


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--jobs`, `--engine` and `--scheduler`, the same for every command whose work may run elsewhere."""
    options = (
        click.option("--jobs", type=click.IntRange(min=1), help="Worker processes, one thread each; default: cores."),
        click.option(
            "--engine",
            type=click.Choice(["loky", "dask", "ray"]),
            default="loky",
            help="loky: processes here; else a cluster.",
        ),
        click.option("--scheduler", metavar="tcp://HOST:PORT", help="A running dask scheduler; ray: $RAY_ADDRESS."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def say(line: str) -> None:
    """What is worth knowing while a command works goes to standard error; the answer alone to standard output."""
    click.echo(line, err=True)


def answer(content: Any, text: str, as_json: bool) -> None:
    """Prints the answer, for a program or for a person."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False) if as_json else text)


def listed(option: str, text: str, kind: Callable[[str], Any]) -> tuple[Any, ...]:
    """The items of a comma-separated option, each once."""
    try:
        found = tuple(dict.fromkeys(kind(item.strip()) for item in text.split(",") if item.strip()))
    except click.BadParameter as error:
        raise click.BadParameter(f"in the list {text!r}, {error.message}", param_hint=option) from None
    if not found:
        raise click.BadParameter("names nothing", param_hint=option)
    return found


@main.command("list")
@click.argument("kind", type=click.Choice(["corpora", "encoders", "heads", "protocols", "labels", "checks"]))
@click.option("--settings", is_flag=True, help="Of heads: also each setting, its default and what --search draws from.")
@json_option
def list_(kind: str, settings: bool, as_json: bool) -> None:
    """List what there is, one line each.

    \b
    Examples: cli list heads
              cli list heads --settings
    """
    from featurestore import labels, registry

    if settings and kind != "heads":
        raise click.UsageError(f"--settings is of heads, not of {kind}: cli list heads --settings")

    lines = (
        labels.schemes() if kind == "labels" else {name: registry.summary(kind, name) for name in registry.names(kind)}
    )
    if settings:
        from benchmarks.evaluation import head_settings

        answer(head_settings.to_json(lines), head_settings.render(lines), as_json)
        return
    width = max(map(len, lines))
    answer(lines, "\n".join(f"{name:<{width}}  {line}" for name, line in lines.items()), as_json)


@main.command()
@click.argument("corpus")
@click.argument("root", required=False, type=click.Path(path_type=Path))
@store_option
@click.option(
    "--name", default="", show_default=False, help="What a table of your own is called in results; by default `table`."
)
@column_option
@json_option
def prepare(corpus: str, root: Path | None, store: Path, name: str, columns: tuple[str, ...], as_json: bool) -> None:
    """Read a corpus into a manifest; say what is odd.

    CORPUS is a name from `cli list corpora`; ROOT is the release's folder (for `table`, a CSV, TSV or JSONL file).
    In a table, start and end (in seconds) cut a segment out of the row's audio.

    \b
    Examples: cli prepare iemocap /data/IEMOCAP_full_release --store features/iemocap
              cli prepare table calls.csv --name calls --column label=emotion --column audio=path \\
                --store features/calls
    """
    from featurestore.corpora.table import parse_columns
    from featurestore.preparation.prepare import prepare as run
    from featurestore.preparation.prepare import report

    prepared = run(corpus, root, store, name=name, columns=parse_columns(columns))
    answer(json.loads((store / "corpus.json").read_text("utf-8")), report(prepared), as_json)


@main.command()
@store_option
@click.option("--modality", type=click.Choice(["audio", "text"]), required=True, help="Which encoder to tune.")
@click.option("--checkpoint", required=True, help="Start from this folder or hub name.")
@click.option(
    "--labels",
    help="Label scheme, or a JSON file of code to class (null leaves a code out); by default the corpus's own.",
)
@click.option("--protocol", default="holdout", help="How the corpus is cut; the training part of a fold is tuned on.")
@click.option("--fold", help="Which fold of the protocol; not needed where there is only one.")
@click.option("--all-folds", is_flag=True, help="An encoder for each fold, in OUT/FOLD.")
@click.option(
    "--crossfit", type=int, default=0, help="For each fold also K encoders for cross-fitted logits, OUT/FOLD-x1 …"
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The tuned checkpoint.")
@click.option("--epochs", type=click.IntRange(min=1), default=9, help="Passes over the training part.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), default=2e-5, help="Peak, AdamW.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, help="Utterances in a step.")
@click.option("--micro-batch", type=click.IntRange(min=1), default=8, help="Of them in memory at once, at most.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Longer clips are left out, each with its reason; by default those that do not fit into memory.",
)
@click.option("--warmup-steps", type=click.IntRange(min=0), default=0, help="Steps of linear warm-up.")
@click.option("--freeze-front/--train-front", default=True, help="Keep the audio network's convolutions as they are.")
@click.option("--seed", type=SEED, default=0, help="Of the cut, the new layers and the order of the data.")
@json_option
def finetune(**options: Any) -> None:
    """Tune an encoder on a fold's training part.

    A stopped run continues when started again. The defaults are the paper's. The checkpoint records which
    utterances it was tuned on, and every later evaluation on one of them is refused.

    \b
    Examples: cli finetune --store features/iemocap --modality text \\
                --checkpoint microsoft/deberta-v3-small --out checkpoints/text
              cli finetune --store features/iemocap --modality text --protocol leave-one-session-out --all-folds \\
                --crossfit 4 --checkpoint microsoft/deberta-v3-small --out checkpoints/text-by-session
    """
    from featurestore.finetuning.by_fold import summary, tune
    from featurestore.store import Store

    as_json = options.pop("as_json")
    several = options["all_folds"] or options["crossfit"]
    found = tune(Store(options.pop("store")), progress=say, **options)
    records = [dict(one.record) for one in found]
    answer(records if several else records[0], "\n".join(map(summary, found)), as_json)


@main.command()
@store_option
@click.option("--corpus", help="Prepare this corpus first when the store has no manifest.")
@click.option("--root", type=click.Path(path_type=Path), help="Where that corpus lies.")
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="[NAME=]CHECKPOINT",
    help="A folder, a hub name, or a hand-made extractor (egemaps, compare); may be given several times. By default "
    "the demo's own on the demo, text=microsoft/deberta-v3-small and audio=facebook/wav2vec2-base-960h elsewhere.",
)
@click.option("--all-folds", is_flag=True, help="Each --encoder NAME=FOLDER holds a checkpoint per fold: NAME@FOLD.h5.")
@click.option("--frames", is_flag=True, help="Also store every frame (large).")
@click.option("--layers", is_flag=True, help="Also store the mean of every layer.")
@engine_options
@click.option("--device", help="cpu, cuda, cuda:1, mps; by default the GPU where there is one.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="Longer clips fail; by default none.")
@json_option
@click.pass_context
def extract(ctx: click.Context, /, frames: bool, layers: bool, as_json: bool, **options: Any) -> None:
    """Encode every utterance into the store.

    What is there already is reused; what was stopped continues. Exit code 3: done, but some utterances failed.

    \b
    Examples: cli extract
              cli extract --store features/mine --corpus table --root mine.csv \\
                --encoder audio=facebook/wav2vec2-base-960h --encoder egemaps
    """
    from featurestore.extraction.pipeline import extract_all

    optional = [kind for kind, wanted in (("frames", frames), ("layers", layers)) if wanted]
    done = extract_all(**options, optional=optional, say=say)
    answer([item.to_json() for item in done], "\n".join(item.summary() for item in done), as_json)
    if any(item.failed for item in done):
        ctx.exit(PARTLY_FAILED)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@json_option
def inspect(path: Path, as_json: bool) -> None:
    """Show a store, feature file, bundle or checkpoint.

    \b
    Example: cli inspect features/demo/audio.h5
    """
    from featurestore.inspection.describe import describe, render

    content = describe(path)
    answer(content, render(content), as_json)


@main.command()
@store_option
@click.option("--protocol", default="holdout", help="A name from `cli list protocols`.")
@click.option(
    "--labels",
    help="Label scheme, or a JSON file of code to class (null leaves a code out); by default the corpus's own.",
)
@click.option("--seed", type=SEED, default=0, help="Of protocols that draw.")
@click.option("--dev", is_flag=True, help="Also cut a dev part from training, by the same grouping.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the folds, every id, to this file.")
@json_option
def folds(as_json: bool, **options: Any) -> None:
    """Show how a protocol cuts a corpus.

    \b
    Example: cli folds --protocol speaker-kfold --dev --out folds.json
    """
    from featurestore.folds.cuts import cuts

    found = cuts(**options)
    answer(found.to_json(), found.table(), as_json)


@main.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--sample", type=click.IntRange(min=0), default=0, help="Encode so many utterances again, per encoder.")
@click.option("--seed", type=SEED, default=0, help="Of the choice of these utterances.")
@click.option(
    "--repair",
    is_flag=True,
    help="Put right what other programs did to a feature file (left it open for writing, added to it, changed its "
    "layout), where the digests prove every value.",
)
@json_option
@click.pass_context
def verify(ctx: click.Context, /, store: Path, sample: int, seed: int, repair: bool, as_json: bool) -> None:
    """Check a store's every digest; encode a sample again.

    Nothing is changed without --repair. Exit code 1: something is wrong, or could not be checked; all of it is listed.

    \b
    Examples: cli verify features/demo --sample 5
              cli verify features/demo --repair
    """
    from featurestore.inspection.verify import verify as run

    verified = run(store, repair=repair, sample=sample, seed=seed)
    answer(verified.to_json(), verified.summary(), as_json)
    if not verified.is_intact:
        ctx.exit(1)


@main.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("utterance", metavar="ID")
@click.argument("feature")
@json_option
def explain(store: Path, utterance: str, feature: str, as_json: bool) -> None:
    """Say where one vector comes from, and if it is fresh.

    \b
    Example: cli explain features/demo UTTERANCE audio.mean
    """
    from featurestore.inspection.describe import render
    from featurestore.inspection.explain import explain as run

    explained = run(store, utterance, feature)
    answer(explained, render(explained), as_json)


@main.command("fit-head")
@store_option
@click.option("--head", required=True, help="A name from `cli list heads`.")
@click.option("--features", help="Comma-separated; by default mean (or functionals) and logits of every encoder.")
@click.option(
    "--labels",
    help="Label scheme, or a JSON file of code to class (null leaves a code out); by default the corpus's own.",
)
@click.option("--protocol", default="holdout", help="A name from `cli list protocols`.")
@click.option("--fold", help="Only this fold.")
@click.option("--seed", type=SEED, default=0, help="Of the cut and of the head.")
@click.option(
    "--normalize",
    type=click.Choice(["none", "global", "speaker"]),
    default="none",
    help="Bring each column to mean 0 and standard deviation 1: global, of the training part; speaker, within each "
    "speaker's own clips, which needs many clips of a speaker, so that no bundle is written.",
)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A setting of the head; may be repeated.")
@search_options
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="The bundle; by default STORE/bundles/HEAD."
)
@click.option(
    "--allow-leakage", is_flag=True, help="Evaluate although an encoder saw test utterances; marks every figure."
)
@click.option(
    "--allow-degenerate",
    is_flag=True,
    help="Normalise by speaker although most test utterances are of speakers of one class: it takes the class away.",
)
@json_option
def fit_head(as_json: bool, **options: Any) -> None:
    """Fit a head, print its metrics, write a bundle.

    The metrics are those of the held-out part of each fold; the bundle is what `cli predict` takes. What they do not
    say is printed below them: every check of `cli list checks` that fails.

    \b
    Examples: cli fit-head --head mlp
              cli fit-head --head svm --features audio.mean,text.mean --param C=10 \\
                --protocol leave-one-speaker-out
              cli fit-head --head svm --search 8
    """
    from benchmarks.fitting.fit import fit_and_save
    from featurestore.store import Store

    fitted = fit_and_save(Store(options.pop("store")), **options, progress=say)
    answer(fitted.to_json(), fitted.table(), as_json)


@main.command()
@store_option
@click.option("--heads", required=True, help="Comma-separated names from `cli list heads`.")
@click.option(
    "--features",
    help="Comma-separated sets: text, audio, both, embeddings, logits, layers, or features joined by +, such as "
    "audio.mean+text.mean or means=audio.mean+text.mean; by default one set of every default feature.",
)
@click.option(
    "--labels",
    help="Label scheme, or a JSON file of code to class (null leaves a code out); by default the corpus's own.",
)
@click.option("--protocol", default="holdout", help="A name from `cli list protocols`.")
@click.option("--fold", help="Only this fold.")
@click.option("--seeds", default="0", help="Comma-separated, of the heads that draw; the cut has a seed of its own.")
@click.option("--split-seed", type=SEED, default=0, help="Of the cut: the one that encoders were tuned on.")
@click.option("--normalize", default="none", help="Comma-separated: none, global, speaker.")
@click.option(
    "--logits",
    default="cross-fitted",
    help="Comma-separated: cross-fitted (where there are such), cross-fitted-mean (test: the mean of the K encoders), "
    "in-sample.",
)
@click.option("--param", "params", multiple=True, metavar="HEAD.NAME=VALUE", help="A setting; may be repeated.")
@search_options
@click.option("--tune", type=DRAWS, hidden=True, deprecated="Use --search.")
@click.option("--tune-parts", type=PARTS, hidden=True, deprecated="Use --search-parts.")
@click.option(
    "--shuffle",
    is_flag=True,
    help="Also ask every head of both modalities about test utterances with the text, or the audio, of another one: "
    "how much its answers rest on each.",
)
@click.option(
    "--shares",
    metavar="0.1,0.25,0.5",
    help="Also fit every head on these shares of the training part: whether more data would help.",
)
@click.option("--test-store", type=click.Path(path_type=Path, file_okay=False), help="For cross-corpus: test on this.")
@click.option("--test-labels", help="Label scheme of the test store, or a JSON file of code to class (null: left out).")
@engine_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the results.")
@click.option(
    "--allow-leakage", is_flag=True, help="Evaluate although an encoder saw test utterances; marks every figure."
)
@click.option(
    "--allow-degenerate",
    is_flag=True,
    help="Normalise by speaker although most test utterances are of speakers of one class: it takes the class away.",
)
@json_option
def benchmark(as_json: bool, **options: Any) -> None:
    """Compare heads and features; a stopped run continues.

    Every run's predictions are written before anything is summarised; what is there already is not run again.

    \b
    Examples: cli benchmark --heads prior,svm,mlp --features text,audio,both --seeds 0,1,2 --out results
              cli benchmark --heads svm,mlp --features both --shuffle --shares 0.1,0.25,0.5 --out results
              cli benchmark --heads svm,mlp --engine dask --scheduler tcp://host:8786 --out /shared/results
    """
    from benchmarks.grid.asked import Asked
    from benchmarks.grid.compare import compare

    paths = {name: options.pop(name) for name in ("store", "out", "test_store", "test_labels")}
    for name in ("search", "search_parts"):
        old = options.pop(name.replace("search", "tune"))
        options[name] = options[name] if old is None else old
    where = {name: options.pop(name) for name in ("jobs", "engine", "scheduler")}
    for name, kind in (
        ("heads", click.STRING),
        ("normalize", click.STRING),
        ("logits", click.STRING),
        ("seeds", SEED),
    ):
        options[name] = listed(f"--{name}", options[name], kind)
    options["shares"] = listed("--shares", options["shares"], click.FLOAT) if options["shares"] is not None else ()
    found, text = compare(asked=Asked(**options), **paths, **where, say=say)
    answer(found, text, as_json)


@main.command()
@click.argument("folder", metavar="R", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page; the other files lie beside it. By default R/report.html.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, file_okay=False),
    help="Another benchmark's folder: the same systems by another protocol, on the utterances that both tested.",
)
@json_option
def report(folder: Path, out: Path | None, against: Path | None, as_json: bool) -> None:
    """Make a benchmark's report again, from its predictions.

    One page that needs no network, and beside it results.json, report.md, leaderboard.csv, leaderboard.tex and
    figures/. The same predictions give the same bytes.

    \b
    Examples: cli report results --out report.html
              cli report results/random --against results/by-speaker
    """
    from benchmarks.report.write_report import PAGE, make_report

    page = out or folder / PAGE
    found = make_report(folder, page, against)
    answer(found, f"{found['sentence']}\npage {page}", as_json)


@main.command()
@click.argument("bundle", type=click.Path(path_type=Path, file_okay=False))
@click.argument("further", nargs=-1, metavar="")
@click.option("--audio", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="A clip.")
@click.option("--text", help="What is said in it.")
@click.option("--table", type=click.Path(path_type=Path), help="Many: a CSV, TSV or JSONL with audio and text columns.")
@column_option
@click.option(
    "--encoder", "encoders", multiple=True, metavar="NAME=CHECKPOINT", help="Where an encoder lies now, if moved."
)
@click.option("--device", default="cpu", help="cpu, cuda, cuda:1, mps.")
@json_option
@click.pass_context
def predict(
    ctx: click.Context,
    /,
    bundle: Path,
    further: tuple[str, ...],
    audio: tuple[Path, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Predict the emotion of new speech.

    A table gets one answer a row, in its order; a row that cannot be predicted says why. Exit code 3: some could not,
    1: none could.

    \b
    Examples: cli predict features/demo/bundles/mlp --audio clip.wav --text "I can't believe it!"
              cli predict features/demo/bundles/mlp --table clips.csv --json
    """
    from featurestore.corpora.table import parse_columns
    from featurestore.prediction.predict import predict_from, render

    if further or len(audio) > 1:
        several = f"{len(audio)} clips" if len(audio) > 1 else f"unexpected {' '.join(further[:3])}"
        raise click.UsageError(f"one clip at a time, got {several}; for many: --table FILE with a column audio")
    options["columns"] = parse_columns(options["columns"])
    predictions = predict_from(bundle, audio=audio[0] if audio else None, say=say, **options)
    answer([prediction.to_json() for prediction in predictions], render(predictions), as_json)
    if any(prediction.reason for prediction in predictions):
        ctx.exit(PARTLY_FAILED if any(not prediction.reason for prediction in predictions) else 1)


@main.command()
@store_option
@click.option("--corpus", help="Prepare this corpus first when the store has no manifest.")
@click.option("--root", type=click.Path(path_type=Path), help="Where that corpus lies.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="By default STORE/paper/MODE.")
@click.option(
    "--mode",
    type=click.Choice(["exact", "fixed"]),
    default="fixed",
    help="Follow the published code in everything, or repair what it does and the paper does not say.",
)
@click.option("--text", default="", metavar="CHECKPOINT", help="By default the paper's; on the demo the demo's own.")
@click.option("--audio", default="", metavar="CHECKPOINT", help="Likewise.")
@click.option("--epochs-text", type=click.IntRange(min=1), default=9, help="Passes over the training part.")
@click.option("--epochs-audio", type=click.IntRange(min=1), default=9, help="Likewise.")
@click.option("--epochs-fusion", type=click.IntRange(min=1), default=6, help="Likewise.")
@json_option
@click.pass_context
def paper(ctx: click.Context, /, mode: str, as_json: bool, **options: Any) -> None:
    """Repeat the paper; its tables beside the published.

    Tunes both encoders, extracts, fuses, and writes one page with the six tables, curves and confusion matrices. A
    stopped run continues; what has not changed is reused.

    \b
    Examples: cli paper
              cli paper --store features/iemocap --corpus iemocap --root /data/IEMOCAP_full_release \\
                --mode exact --out results/paper
    """
    from benchmarks.paper.paper_plan import Epochs
    from benchmarks.paper.paper_run import render_result, run_paper
    from benchmarks.paper.switches import MODES
    from featurestore.extraction.pipeline import open_store

    epochs = Epochs(*(options.pop(f"epochs_{stage}") for stage in ("text", "audio", "fusion")))
    store = open_store(options.pop("store"), options.pop("corpus"), options.pop("root"), say)
    out = options.pop("out") or store.path / "paper" / mode
    done = run_paper(store, out=out, switches=MODES[mode], epochs=epochs, say=say, **options)
    answer(done.results, render_result(done), as_json)
    if done.failed:
        ctx.exit(PARTLY_FAILED)


@main.command()
@store_option
@json_option
def demo(store: Path, as_json: bool) -> None:
    """Run everything on the embedded demo corpus.

    It is synthetic speech, which proves the pipeline, not the science. A second run reuses what is there.

    \b
    Example: cli demo
    """
    from benchmarks.demo import run_demo

    result = run_demo(store, say=say)
    answer(result.to_json(), result.table(), as_json)


if __name__ == "__main__":
    sys.exit(main())
