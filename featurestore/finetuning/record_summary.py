"""Summarize a record of fine-tuning (`finetune.json`) as lines for a terminal. Records of older versions have fewer."""

from collections.abc import Mapping
from typing import Any

_OF_DEV = ("accuracy", "unweighted_average_recall")


def summarize_record(record: Mapping[str, Any]) -> list[str]:
    """Return a line about the fold, one per epoch, which epoch is kept, and the scores on test."""
    settings = ", ".join(f"{name} {record[name]}" for name in ("labels", "protocol", "fold"))
    selection = record.get("selection", {})
    by_dev = selection.get("dev", {}).get("count", 0) > 0
    lines = [f"{record['modality']} encoder, {settings}"]
    lines += [_format_epoch(entry, by_dev=by_dev) for entry in record["history"]]
    if by_dev:
        dev = selection["dev"]
        lines.append(f"  kept: epoch {selection['epoch']}, {selection['by']} (dev: n = {dev['count']}, {dev['from']})")
    if by_dev or "after every epoch" not in selection.get("looked_at", {}).get("test", "after every epoch"):
        lines += _format_test(record.get("test") or {})
    return lines


def _format_epoch(entry: Mapping[str, Any], *, by_dev: bool) -> str:
    numbers = {name: value for name, value in entry.items() if isinstance(value, float)}
    if by_dev:
        numbers = {_name_dev(name): value for name, value in numbers.items()}
    figures = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in numbers.items())
    return f"  epoch {entry['epoch']:g}: {figures}"


def _name_dev(name: str) -> str:
    return "dev_loss" if name == "held_out_loss" else f"dev_{name}" if name in _OF_DEV else name


def _format_test(test: Mapping[str, Any]) -> list[str]:
    if not test:
        return []
    figures = ", ".join(f"{name.replace('_', ' ')} {test[name]:.3f}" for name in ("loss", *_OF_DEV))
    return [f"  test, scored once: {figures} (n = {test['n']})"]
