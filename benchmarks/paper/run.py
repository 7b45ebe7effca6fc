"""The paper from a corpus to its page: prepare, tune, extract, fuse, write; whatever is there already is reused."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.fitting.result import INTERVAL
from benchmarks.paper import differences, pages
from benchmarks.paper.corpus import distribution
from benchmarks.paper.fusion import fused, others
from benchmarks.paper.plan import MODALITIES, Epochs, Plan, published
from benchmarks.paper.stage import Say
from benchmarks.paper.switches import Switches, meanings
from benchmarks.paper.tuning import encoded, tuned
from benchmarks.report.write_report import PAGE
from benchmarks.statistics.formatting import format_interval
from featurestore.errors import Mismatch
from featurestore.extraction.pipeline import DEFAULT_ENCODERS
from featurestore.spec import parse_encoder
from featurestore.storage.atomic import write_text
from featurestore.store import Store

RESULTS, HEADS = "results.json", "heads"


@dataclass(frozen=True)
class Done:
    """What a run wrote.

    Args:
        out: the folder.
        results: the content of its `results.json`.
        failed: id and reason of each turn that an encoder could not encode.
    """

    out: Path
    results: dict[str, Any]
    failed: dict[str, str]


def run(
    store: Store, *, out: Path, switches: Switches, epochs: Epochs, text: str = "", audio: str = "", say: Say
) -> Done:
    """Runs the paper's experiment and writes `paper.html`, `paper.md`, `results.json` and a report of other heads.

    Args:
        store: prepared; the frozen features go into it.
        out: checkpoints, results and pages; of one choice of switches only.
        switches: which of the published code's ways to follow.
        epochs: of each model.
        text: the text checkpoint to start from; by default the paper's, and on the demo corpus the demo's own.
        audio: likewise.
        say: receives lines for the user.

    Raises:
        Mismatch: `out` was made with other switches, or a checkpoint in it from other inputs.
    """
    _check_same_mode(out, switches)
    plan = Plan(store, switches, epochs, _checkpoints(store.corpus, text, audio))
    stages = [tuned(plan, modality, out / modality, say) for modality in MODALITIES]
    extracted = [encoded(plan, modality, out / modality, say) for modality in MODALITIES]
    store = Store(store.path)  # its feature files may be new
    plan = Plan(store, switches, epochs, plan.checkpoints)
    stages.append(fused(plan, out / "fusion.json", say))
    results = {
        "mode": switches.mode,
        "corpus": distribution(store, plan.labels),
        "switches": meanings(switches),
        "plan": plan.to_json(),
        "interval": INTERVAL,
        "stages": {stage.name: stage.to_json() for stage in stages},
        "heads": others(plan, out / HEADS, say),
    }
    results["differences"] = differences.lines(results, plan)
    write_text(out / RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    pages.write(results, out)
    return Done(out, results, {name: why for done in extracted for name, why in done.failed.items()})


def summary(done: Done) -> str:
    """The last figures of each model beside the published, what differs, and where the page is."""
    lines = [f"the paper's experiment, mode {done.results['mode']}, split by {done.results['plan']['protocol']}"]
    for name, stage in done.results["stages"].items():
        found, mark = stage["blocks"][-1]["metrics"]["accuracy"], " !" if stage["leak"] else ""
        figure = format_interval(found["value"], found["low"], found["high"], f" %{mark}")
        paper = published()["stages"][name]["blocks"][-1]["accuracy"]
        lines.append(f"  {name:<6}  accuracy {figure}, n = {found['n']}; published {paper:.3f} %")
    lines += [f"differs: {line}" for line in done.results["differences"]]
    lines += [f"other heads, compared: {done.out / HEADS / PAGE}", f"page {done.out / 'paper.html'}"]
    return "\n".join(lines)


def _checkpoints(corpus: str, text: str, audio: str) -> dict[str, str]:
    """What to start from, by modality; empty where the demo's own networks are meant."""
    defaults = {spec.name: spec.checkpoint for spec in map(parse_encoder, DEFAULT_ENCODERS)}
    if corpus == "demo":
        defaults = dict.fromkeys(defaults, "")
    return {"text": text or defaults["text"], "audio": audio or defaults["audio"]}


def _check_same_mode(out: Path, switches: Switches) -> None:
    path = out / "mode.json"
    wanted = {"mode": switches.mode, "switches": asdict(switches)}
    if path.is_file():
        found = json.loads(path.read_text("utf-8"))
        if found != wanted:
            raise Mismatch(
                f"{out} holds a run of the paper in another mode",
                expected=switches.mode,
                got=str(found.get("mode")),
                do="choose another --out",
            )
    write_text(path, json.dumps(wanted, indent=1) + "\n")
