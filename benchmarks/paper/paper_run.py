"""Run the paper's experiment on a corpus: fine-tune, extract, fuse, write the pages. Finished steps are reused."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.fitting.result import INTERVAL
from benchmarks.paper.differences_from_paper import list_differences
from benchmarks.paper.encoder_stages import encode_turns, finetune_encoder
from benchmarks.paper.fusion_stage import compare_heads, train_fusion
from benchmarks.paper.label_distribution import count_labels
from benchmarks.paper.paper_pages import write_pages
from benchmarks.paper.paper_plan import MODALITIES, Epochs, PaperPlan, read_published_figures
from benchmarks.paper.related_stage import compare_related_work, extract_handmade, list_optional
from benchmarks.paper.related_work import RelatedSystem
from benchmarks.paper.stage_result import Say
from benchmarks.paper.switches import Switches, describe_switches
from benchmarks.report.write_report import PAGE
from benchmarks.statistics.formatting import format_interval
from featurestore.commands.extract import DEFAULT_ENCODERS
from featurestore.errors import Mismatch
from featurestore.spec import parse_encoder
from featurestore.storage.atomic import write_text
from featurestore.storage.json_files import read_object
from featurestore.store import Store

RESULTS, HEADS, RELATED = "results.json", "heads", "related"


@dataclass(frozen=True)
class PaperResult:
    """The files of a run.

    Args:
        out: the folder.
        results: the content of its `results.json`.
        failed: id and reason of each turn that an encoder could not encode.
    """

    out: Path
    results: dict[str, Any]
    failed: dict[str, str]


def run_paper(
    store: Store,
    *,
    out: Path,
    switches: Switches,
    epochs: Epochs,
    text: str = "",
    audio: str = "",
    related: Sequence[RelatedSystem] = (),
    say: Say,
) -> PaperResult:
    """Run the paper's experiment and write `paper.html`, `paper.md`, `results.json`, and a report of other heads.

    Args:
        store: prepared. The frozen features are written into it.
        out: folder for checkpoints, results and pages, for one choice of switches.
        switches: which quirks of the published code to follow.
        epochs: of each model.
        text: text checkpoint to start from; by default the paper's, and on the demo corpus the demo's own.
        audio: audio checkpoint likewise.
        related: systems of related work to run, too, with a report of their own (`related_work.read_related_work`).
        say: receives lines for the user.

    Raises:
        Mismatch: `out` has a run with other switches, or a checkpoint of other inputs.
    """
    _check_same_mode(out, switches)
    plan = PaperPlan(store, switches, epochs, _checkpoints(store.corpus, text, audio))
    stages = [finetune_encoder(plan, modality, out / modality, say) for modality in MODALITIES]
    extracted = [
        encode_turns(plan, modality, out / modality, say, optional=list_optional(related, modality))
        for modality in MODALITIES
    ]
    extracted += extract_handmade(plan, related, say)
    store = Store(store.path)  # its feature files may be new
    plan = PaperPlan(store, switches, epochs, plan.checkpoints)
    stages.append(train_fusion(plan, out / "fusion.json", say))
    results: dict[str, Any] = {
        "mode": switches.mode,
        "corpus": count_labels(store, plan.labels),
        "switches": describe_switches(switches),
        "plan": plan.to_json(),
        "interval": INTERVAL,
        "stages": {stage.name: stage.to_json() for stage in stages},
        "heads": compare_heads(plan, out / HEADS, say),
        "related": compare_related_work(plan, related, out / RELATED, say) if related else None,
    }
    results["differences"] = list_differences(results, plan)
    write_text(out / RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    write_pages(results, out)
    return PaperResult(out, results, {turn: why for one in extracted for turn, why in one.failed.items()})


def render_result(result: PaperResult) -> str:
    """Return the last figures of each model with the published ones, the differences, and the path of the page."""
    results = result.results
    lines = [f"the paper's experiment, mode {results['mode']}, protocol {results['plan']['protocol']}"]
    for name, stage in results["stages"].items():
        found, mark = stage["blocks"][-1]["metrics"]["accuracy"], " !" if stage["leak"] else ""
        figure = format_interval(found["value"], found["low"], found["high"], f" %{mark}")
        paper = read_published_figures()["stages"][name]["blocks"][-1]["accuracy"]
        lines.append(f"  {name:<6}  accuracy {figure}, n = {found['n']}; published {paper:.3f} %")
    lines += [f"difference: {line}" for line in results["differences"]]
    lines.append(f"report of other heads {result.out / HEADS / PAGE}")
    if results["related"]:
        lines.append(f"report of related work {result.out / RELATED / PAGE}")
    lines.append(f"page {result.out / 'paper.html'}")
    return "\n".join(lines)


def _checkpoints(corpus: str, text: str, audio: str) -> dict[str, str]:
    """Return the checkpoints to start from, by modality, or empty strings for the demo's own networks."""
    defaults = {spec.name: spec.checkpoint for spec in map(parse_encoder, DEFAULT_ENCODERS)}
    if corpus == "demo":
        defaults = dict.fromkeys(defaults, "")
    return {"text": text or defaults["text"], "audio": audio or defaults["audio"]}


def _check_same_mode(out: Path, switches: Switches) -> None:
    path = out / "mode.json"
    expected = {"mode": switches.mode, "switches": asdict(switches)}
    if path.is_file():
        found = read_object(path, do="choose another --out")
        if found != expected:
            raise Mismatch(
                f"{out} holds a run of the paper in another mode",
                expected=switches.mode,
                got=str(found.get("mode")),
                do="choose another --out",
            )
    write_text(path, json.dumps(expected, indent=1) + "\n")
