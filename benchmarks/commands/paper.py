"""`cli paper`: reproduce the paper, and compare with its tables."""

from pathlib import Path
from typing import Any

import click

from featurestore.console import PARTLY_FAILED, corpus_options, json_option, print_answer, say, store_option

RESUMES = True  # a command that was stopped continues when it is called again


@click.command("paper")
@store_option
@corpus_options
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the results. Default: STORE/paper/MODE."
)
@click.option(
    "--mode",
    type=click.Choice(["exact", "fixed"]),
    default="fixed",
    help="exact: follow the published code; fixed: repair its deviations from the paper's text.",
)
@click.option(
    "--text",
    default="",
    show_default=False,
    metavar="CHECKPOINT",
    help="Text encoder. Default: the paper's, or the demo's on the demo.",
)
@click.option(
    "--audio",
    default="",
    show_default=False,
    metavar="CHECKPOINT",
    help="Audio encoder. Default: the paper's, or the demo's on the demo.",
)
@click.option("--epochs-text", type=click.IntRange(min=1), default=9, help="Epochs of the text encoder.")
@click.option("--epochs-audio", type=click.IntRange(min=1), default=9, help="Epochs of the audio encoder.")
@click.option("--epochs-fusion", type=click.IntRange(min=1), default=6, help="Epochs of the fusion network.")
@click.option(
    "--related/--no-related",
    default=True,
    help="Also run the systems that the paper quotes, on its encoders and split.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, /, mode: str, as_json: bool, related: bool, **options: Any) -> None:
    """Reproduce the paper, and compare with its tables.

    Fine-tunes both encoders, extracts, fuses, and writes one page with the six tables, curves and confusion matrices,
    and with the systems that the paper quotes, run on the same encoders and split.
    A stopped run continues, and finished steps are reused.

    \b
    Examples: cli paper
              cli paper --store features/iemocap --corpus iemocap --root /data/IEMOCAP_full_release \\
                --mode exact --out results/paper
    """
    from featurestore.preparation.open_store import open_store

    say(f"running the paper's experiment on {options['store']}, mode {mode}")
    store = open_store(options.pop("store"), options.pop("corpus"), options.pop("root"), say)
    from benchmarks.paper.paper_plan import Epochs  # after the first line, because it loads scikit-learn
    from benchmarks.paper.paper_run import render_result, run_paper
    from benchmarks.paper.related_work import read_related_work
    from benchmarks.paper.switches import MODES

    epochs = Epochs(*(options.pop(f"epochs_{stage}") for stage in ("text", "audio", "fusion")))
    out = options.pop("out") or store.path / "paper" / mode
    systems = read_related_work() if related else ()
    result = run_paper(store, out=out, switches=MODES[mode], epochs=epochs, related=systems, say=say, **options)
    print_answer(result.results, render_result(result), as_json)
    if result.failed:
        ctx.exit(PARTLY_FAILED)
