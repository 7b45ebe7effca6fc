"""Check the content of a report against `results.schema.json`."""

import json
from pathlib import Path

import jsonschema

from benchmarks.report import write_report

SCHEMA = json.loads((Path(write_report.__file__).parent / "results.schema.json").read_text("utf-8"))


def check_content(content):
    """Raise unless content, or the JSON text of it, is as the schema describes."""
    jsonschema.validate(json.loads(content) if isinstance(content, str) else content, SCHEMA)
