"""The JSON Schema of an alert and the list of its types, generated from the code."""

import ast
import inspect
from itertools import pairwise
from textwrap import dedent
from typing import Any

import msgspec

from tapewatch.alerts.alert import TYPE_PREFIX, Alert, AlertData, Pivot
from tapewatch.alerts.feed_alert import BACK_TYPE, STALE_TYPE
from tapewatch.engine.events import TYPE_NAMES

TEST_TYPE = f"{TYPE_PREFIX}test"
"""Of what `notify-test` sends: no crossing, so that a program that trades on those does not trade on this."""

ALERT_TYPES: tuple[str, ...] = (
    *(TYPE_PREFIX + name for name in TYPE_NAMES),
    STALE_TYPE,
    BACK_TYPE,
    TEST_TYPE,
)
"""Every type of alert there is."""

_FORMS = {
    ("Alert", "id"): r"^[0-9a-f]{32}$",
    ("Alert", "time"): r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$",
    ("AlertData", "time_ns"): r"^\d+$",
}
"""Patterns of fields whose type says less than we promise."""


def alert_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an alert, in its CloudEvents envelope."""
    (schema,), parts = msgspec.json.schema_components([Alert], ref_template="#/$defs/{name}")
    for own in (Alert, AlertData, Pivot):
        describe(parts[own.__name__], own)
    for (part, field), form in _FORMS.items():
        parts[part]["properties"][field]["pattern"] = form
    parts["Alert"]["properties"]["type"]["enum"] = list(ALERT_TYPES)
    parts["AlertData"]["oneOf"] = [{"required": ["level"]}, {"required": ["low", "high"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tapewatch alert",
        **schema,
        "$defs": parts,
    }


def describe(part: dict[str, Any], own: type[msgspec.Struct]) -> None:
    """Adds what the code says of each field, and that those which are always written are required."""
    for name, text in _docstrings(own).items():
        part["properties"][name]["description"] = text
    left_out = {field.name for field in msgspec.structs.fields(own) if field.default is msgspec.UNSET}
    part["required"] = [name for name in part["properties"] if name not in left_out]


def _docstrings(own: type) -> dict[str, str]:
    """The docstring under each field, on one line."""
    found = {}
    for part in pairwise(ast.iter_child_nodes(ast.parse(dedent(inspect.getsource(own))).body[0])):
        match part:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found
