"""`cli predict`: predict the emotion of new speech with a bundle."""

from pathlib import Path
from typing import Any

import click

from featurestore.console import PARTLY_FAILED, column_option, json_option, print_answer, say


@click.command("predict")
@click.argument("bundle", type=click.Path(path_type=Path, file_okay=False))
@click.argument("further", nargs=-1, metavar="")
@click.option("--audio", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="A clip.")
@click.option("--text", help="What is said in the clip. Default: none, or what the bundle's recognizer writes down.")
@click.option("--table", type=click.Path(path_type=Path), help="CSV, TSV or JSONL with columns audio and text.")
@column_option
@click.option(
    "--encoder", "encoders", multiple=True, metavar="NAME=CHECKPOINT", help="Where an encoder is now, if it was moved."
)
@click.option("--device", default="cpu", help="cpu, cuda, cuda:1, mps.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    bundle: Path,
    further: tuple[str, ...],
    audio: tuple[Path, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Predict the emotion of new speech.

    A table gets one answer per row, in its order; a row that cannot be predicted says why. A bundle that was fitted on
    recognized words transcribes clips that come without a text, and rows whose text is empty, with its own recognizer
    (--encoder asr=CHECKPOINT if it was moved); a given text is read as it is. Exit code 3: some rows failed, 1: all
    failed.

    \b
    Examples: cli predict features/demo/bundles/mlp --audio clip.wav --text "I can't believe it!"
              cli predict features/demo/bundles/mlp --table clips.csv --json
    """
    from featurestore.corpora.table import parse_columns
    from featurestore.prediction.predict import predict, render

    if further or len(audio) > 1:
        several = f"{len(audio)} clips" if len(audio) > 1 else f"unexpected {' '.join(further[:3])}"
        raise click.UsageError(
            f"one clip at a time, got {several}; for one: --audio FILE; for many: --table FILE with a column audio"
        )
    options["columns"] = parse_columns(options["columns"])
    if given := options["table"] or (audio[0] if audio else "a text" if options["text"] else ""):
        say(f"predicting {given} with {bundle}")
    predictions = predict(bundle, audio=audio[0] if audio else None, say=say, **options)
    print_answer([prediction.to_json() for prediction in predictions], render(predictions), as_json)
    if any(prediction.reason for prediction in predictions):
        ctx.exit(PARTLY_FAILED if any(not prediction.reason for prediction in predictions) else 1)
