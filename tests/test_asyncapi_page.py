"""docs/asyncapi.yaml is what the program says, is AsyncAPI, and its examples are of its own schemas."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

import make
from asyncapi_page import DOCS, PAGE, address, examples, validator
from tapewatch.store.keys import Keys

SPECS = DOCS / "examples/node_modules/@asyncapi/specs/schemas"


def rounded(value: Any) -> Any:
    """With numbers that every machine agrees on, also in JSON inside of text."""
    match value:
        case float():
            return float(f"{value:.9g}")
        case dict():
            return {name: rounded(own) for name, own in value.items()}
        case list():
            return [rounded(own) for own in value]
        case str() if value.startswith('{"'):
            return rounded(json.loads(value))
    return value


def test_the_page_is_what_the_program_says() -> None:
    assert rounded(PAGE) == rounded(yaml.safe_load(make.asyncapi())), "run python docs/make.py"


@pytest.mark.skipif(not SPECS.exists(), reason="npm's packages of docs/examples are not here: make examples")
def test_the_page_is_asyncapi() -> None:
    schema = json.loads((SPECS / "3.0.0-without-$id.json").read_text(encoding="utf-8"))
    official = jsonschema.Draft7Validator(schema)
    assert [error.message for error in official.iter_errors(PAGE)] == []
    wrong = PAGE | {"operations": {"publish": PAGE["operations"]["publish"] | {"action": "shout"}}}
    assert list(official.iter_errors(wrong))


@pytest.mark.parametrize("message", ["alert", "entry"])
def test_the_examples_are_of_the_schema(message: str) -> None:
    own = validator(message)
    assert examples(message)
    for example in examples(message):
        own.validate(example)
        assert not own.is_valid(example | {"id": "short"})


def test_the_addresses_are_those_of_the_program() -> None:
    keys = Keys("sp500")
    assert address("alerts") == keys.channel("SPX")
    assert address("alerts", symbol="*") == keys.channels
    assert address("stream") == keys.alerts
