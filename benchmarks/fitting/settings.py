"""The settings of a fitted head in one line, and what a search for settings chose."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.evaluation.params import defaults

_SEEN = (
    "an encoder was tuned on the very utterances that settings were chosen on: its features are surer there than on "
    "test ones, and so is the choice; no test utterance decided anything"
)


@dataclass(frozen=True)
class Searched:
    """What a search for settings chose.

    Args:
        draws: settings that were drawn, beside the given ones as they are.
        parts: how many parts of training take turns as dev, at most.
        folds: by fold the chosen value of each searched setting.
        bundle: the same of the bundle's head.
        seen: an encoder was tuned on utterances of these parts.
    """

    draws: int
    parts: int
    folds: Mapping[str, Mapping[str, Any]]
    bundle: Mapping[str, Any] = field(default_factory=dict)
    seen: bool = False

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON; `note` is empty where no encoder saw the parts."""
        folds = {name: dict(chosen) for name, chosen in self.folds.items()}
        note = _SEEN if self.seen else ""
        return {"draws": self.draws, "parts": self.parts, "folds": folds, "bundle": dict(self.bundle), "note": note}

    def lines(self, bundled: bool) -> list[str]:
        """List the chosen settings by fold, and those of the bundle where there is one of its own."""
        chosen = {f"fold {name}": settings for name, settings in self.folds.items()}
        if bundled:
            chosen["bundle"] = self.bundle
        width = max(map(len, chosen))
        return [
            f"searched: the best of the given settings and {self.draws} drawn ones by unweighted average recall, on "
            "parts of training alone",
            *(f"  {name:<{width}}  {_pairs(settings)}" for name, settings in chosen.items()),
            *([f"  note: {_SEEN}"] if self.seen else []),
        ]


def describe_settings(head: str, params: Mapping[str, Any], searched: Collection[str] = ()) -> str:
    """Write all settings of a head in one line: those that differ from the defaults, then the defaults.

    Args:
        head: its registry name.
        params: of the fitted head, all of them. The seed of the command, `random_state`, is left out.
        searched: settings that a search chose; they are named without their values.

    >>> describe_settings("logistic", {"C": 1.0, "class_weight": None, "max_iter": 200})
    'settings: C=1.0; defaults: class_weight=None, max_iter=200'
    """
    standard = defaults(head)
    shown = {name: value for name, value in params.items() if name not in {"random_state", *searched}}
    changed = {name: value for name, value in shown.items() if value != standard[name]}
    as_they_are = {name: value for name, value in shown.items() if name not in changed}
    parts = [_pairs(changed)] if changed else []
    parts += [f"searched: {', '.join(searched)}"] if searched else []
    parts += [f"defaults: {_pairs(as_they_are)}"] if as_they_are else []
    return f"settings: {'; '.join(parts)}"


def _pairs(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())
