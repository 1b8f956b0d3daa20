"""The JSON Schema of a backtest's figures, generated from the code."""

from typing import Any

import msgspec

from tapewatch.alerts.schema import describe
from tapewatch.backtest import figures


def figures_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `tapewatch backtest --json` writes."""
    (schema,), parts = msgspec.json.schema_components([figures.Figures], ref_template="#/$defs/{name}")
    for name, own in vars(figures).items():
        if name in parts and issubclass(own, msgspec.Struct):
            describe(parts[name], own)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tapewatch backtest",
        **schema,
        "$defs": dict(sorted(parts.items())),
    }
