"""The TypedDicts of the report's content and `results.schema.json` describe the same."""

import json
import types
import typing
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from benchmarks.report import write_report
from benchmarks.report.analysis import content_types, section_types, system_types, vote_types
from benchmarks.report.analysis.content_types import ReportContent

SCHEMA = json.loads((Path(write_report.__file__).parent / "results.schema.json").read_text("utf-8"))
TYPES = {str: "string", float: "number", int: "integer"}


def resolve(schema):
    return SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def differences(kind, schema, path="", seen=None):
    """Yield each place where a type and a schema differ, and collect the TypedDicts in `seen`."""
    schema = resolve(schema)
    if get_origin(kind) in (NotRequired, Required):
        kind = get_args(kind)[0]
    if is_typeddict(kind):
        seen.add(kind)
        hints, properties = get_type_hints(kind, include_extras=True), schema.get("properties", {})
        if set(hints) != set(properties):
            yield f"{path}: keys {sorted(set(hints) ^ set(properties))}"
        if set(kind.__required_keys__) != set(schema.get("required", [])):
            yield f"{path}: required {sorted(set(kind.__required_keys__) ^ set(schema.get('required', [])))}"
        if schema.get("additionalProperties", True) is not False:
            yield f"{path}: additional properties"
        for name in set(hints) & set(properties):
            yield from differences(hints[name], properties[name], f"{path}/{name}", seen)
    elif isinstance(kind, types.UnionType):
        (inner,) = (one for one in get_args(kind) if one is not type(None))
        if "null" not in schema.get("type", []):
            yield f"{path}: never null"
        rest = [one for one in schema["type"] if one != "null"]
        yield from differences(inner, schema | {"type": rest[0]}, path, seen)
    elif get_origin(kind) is list:
        if schema.get("type") != "array":
            yield f"{path}: no array"
        yield from differences(get_args(kind)[0], schema.get("items", {}), f"{path}[]", seen)
    elif get_origin(kind) is dict:
        if schema.get("type") != "object":
            yield f"{path}: no object"
        value = get_args(kind)[1]
        if value is not Any:
            yield from differences(value, schema.get("additionalProperties", {}), f"{path}{{}}", seen)
    elif get_origin(kind) is Literal:
        allowed = schema["enum"] if "enum" in schema else [schema.get("const")]
        if list(get_args(kind)) != allowed:
            yield f"{path}: {get_args(kind)} is not {allowed}"
    elif schema.get("type") != TYPES[kind]:
        yield f"{path}: {kind} is not {schema.get('type')}"


def test_the_typed_dicts_are_the_schema():
    seen = set()
    assert not list(differences(ReportContent, SCHEMA, seen=seen))
    modules = (content_types, section_types, system_types, vote_types)
    defined = {one for module in modules for one in vars(module).values() if is_typeddict(one)}
    shared = {"BenchmarkContent", "PageContent", "SummaryContent"}  # ReportContent has their keys
    assert {one.__name__ for one in defined - seen} <= shared


@pytest.mark.parametrize(
    ("key", "schema"),
    [
        ("n", {"type": "string"}),
        ("pairs", {"type": "array", "items": {"type": "object"}}),
        ("format", {"const": 2}),
        ("confusion", {"type": "object", "additionalProperties": {"type": "object"}}),
    ],
)
def test_a_difference_between_type_and_schema_is_found(key, schema):
    changed = SCHEMA | {"properties": SCHEMA["properties"] | {key: schema}}
    assert list(differences(ReportContent, changed, seen=set()))


def test_a_key_that_only_one_of_them_has_is_found():
    without = {name: one for name, one in SCHEMA["properties"].items() if name != "notes"}
    assert list(differences(ReportContent, SCHEMA | {"properties": without}, seen=set())) == [": keys ['notes']"]
    assert typing.get_type_hints(ReportContent)["notes"] == list[str]
