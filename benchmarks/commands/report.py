"""`cli report`: make a benchmark's report again from its predictions."""

from pathlib import Path

import click

from featurestore.console import json_option, print_answer, say


@click.command("report")
@click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page; the other files are written beside it. Default: RESULTS/report.html.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of another benchmark: compare the same systems under its protocol, on utterances that both tested.",
)
@click.option(
    "--metric",
    help="Headline metric to rank and compare by: accuracy, unweighted_average_recall, macro_f1 or weighted_f1; "
    "of values mean_concordance_correlation, valence_pearson_correlation and so on. Default: the benchmark's own.",
)
@json_option
def command(folder: Path, out: Path | None, against: Path | None, metric: str | None, as_json: bool) -> None:
    """Make a benchmark's report again, from its predictions.

    FOLDER is that of the benchmark. Writes one page that needs no network, and into the same folder results.json,
    report.md, leaderboard.csv, leaderboard.tex and figures/. The same predictions give the same bytes.

    \b
    Examples: cli report results --out report.html
              cli report results/random --against results/by-speaker
              cli report results --metric weighted_f1 --out weighted/report.html
    """
    say(f"making the report of {folder}{f' against {against}' if against else ''}")
    from benchmarks.report.write_report import PAGE, make_report  # after the first line: it loads scikit-learn

    page = out or folder / PAGE
    content = make_report(folder, page, against, metric)
    print_answer(content, f"{content['sentence']}\npage {page}", as_json)
