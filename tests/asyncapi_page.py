"""docs/asyncapi.yaml as data, as a program reads it that knows nothing else of tapewatch."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

DOCS = Path(__file__).parents[1] / "docs"
PAGE = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))


def address(channel: str, **parameters: str) -> str:
    """Where a channel is; a parameter that is not given is that of the first example."""
    own = PAGE["channels"][channel]
    found: str = own["address"]
    for name, parameter in own["parameters"].items():
        found = found.replace(f"{{{name}}}", parameters.get(name, parameter["examples"][0]))
    return found


def validator(message: str) -> jsonschema.Draft202012Validator:
    """Of a message's payload."""
    ref: str = PAGE["components"]["messages"][message]["payload"]["$ref"]
    if ref.startswith("#"):
        schema = PAGE
        for part in ref.removeprefix("#/").split("/"):
            schema = schema[part]
    else:
        schema = json.loads((DOCS / ref).read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def examples(message: str) -> list[Any]:
    return [own["payload"] for own in PAGE["components"]["messages"][message]["examples"]]
