"""The JSON Schema of an alert and the list of its types, generated from the code."""

from typing import Any

import msgspec

from tapewatch.alerts.alert import TYPE_PREFIX, Alert
from tapewatch.engine.events import TYPE_NAMES

ALERT_TYPES: tuple[str, ...] = tuple(TYPE_PREFIX + name for name in TYPE_NAMES)
"""Every type of alert there is."""


def alert_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an alert, in its CloudEvents envelope."""
    (schema,), parts = msgspec.json.schema_components([Alert], ref_template="#/$defs/{name}")
    parts["Alert"]["properties"]["type"]["enum"] = list(ALERT_TYPES)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tapewatch alert",
        **schema,
        "$defs": parts,
    }
