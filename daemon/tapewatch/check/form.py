"""Mistakes of form: unknown, missing and ill-typed keys, as pydantic finds them, in plain words."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tapewatch import secrets
from tapewatch.check.keys import TELLING, all_tables, is_array, kinds, table_at
from tapewatch.check.lines import Spot
from tapewatch.check.tables import Finding, value_at
from tapewatch.config import Config
from tapewatch.problems import nearest
from tapewatch.values import HTTP_PATTERN, NAME_PATTERN, SYMBOL_PATTERN, WEBSOCKET_PATTERN

_PATTERNS = {
    NAME_PATTERN: "a name is letters, digits, dots, dashes and underscores, a letter or digit first",
    SYMBOL_PATTERN: "a symbol has no white space and none of { } [ ] * ?",
    WEBSOCKET_PATTERN: "a websocket's URL begins with ws:// or wss://",
    HTTP_PATTERN: "the URL begins with http:// or https://",
}

_FEW = 3
"""As many tables to which a key may belong are named; of a `name` that would be no help."""

_TYPES = {
    "string_type": 'text in quotes, such as {key} = "..."',
    "float_type": "a number without quotes, such as {key} = 7000",
    "int_type": "a whole number without quotes",
    "bool_type": "true or false, without quotes",
    "path_type": 'the name of a file in quotes, such as {key} = "..."',
}

_LIMITS: dict[str, Callable[[dict[str, Any]], str]] = {
    "finite_number": lambda ctx: "must be a finite number",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']:g}",
    "greater_than_equal": lambda ctx: f"must be {ctx['ge']:g} or more",
    "less_than_equal": lambda ctx: f"must be {ctx['le']:g} or less",
    "string_too_long": lambda ctx: f"is too long: {ctx['max_length']} characters are the most",
    "string_too_short": lambda ctx: "is empty",
    "too_short": lambda ctx: "is empty: there must be at least one",
    "too_long": lambda ctx: (
        f"is too long: {ctx['max_length']} characters are the most"
        if ctx["field_type"] == "Value"  # text that was looked at before
        else f"has too many: {ctx['max_length']} are the most"
    ),
    "value_error": lambda ctx: str(ctx["error"]),
    "string_pattern_mismatch": lambda ctx: _PATTERNS[ctx["pattern"]],
}


def validate(data: dict[str, Any], folder: Path) -> Config | list[Finding]:
    """The config of `data`, relative paths starting at `folder`; or all that is wrong with its form."""
    try:
        return Config.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        return list(_findings(data, error))


def _findings(data: dict[str, Any], error: ValidationError) -> Iterator[Finding]:
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # only says that another key is wrong, which is a finding of its own
        spot = _spot(data, detail)
        yield Finding(spot, _message(data, spot, detail))


def _spot(data: Any, detail: ErrorDetails) -> Spot:
    """The location without what the file does not have: names of union members and validators."""
    spot: Spot = ()
    for part in detail["loc"]:
        if part in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            spot, data = (*spot, part), data[part]
    if detail["type"].startswith("union_tag"):
        return (*spot, TELLING[str(spot[0])])
    return (*spot, detail["loc"][-1]) if detail["type"] == "missing" else spot


def _message(data: dict[str, Any], spot: Spot, detail: ErrorDetails) -> str:
    kind, ctx = detail["type"], detail.get("ctx", {})
    key = str(next((part for part in reversed(spot) if isinstance(part, str)), ""))
    if kind == "extra_forbidden":
        return _unknown_key(data, spot)
    if kind == "missing":
        return _missing(data, spot)
    if kind in ("model_type", "model_attributes_type", "list_type"):
        return _wrong_shape(data, spot, detail)
    if kind == "literal_error":
        return _not_one_of(detail["input"], re.findall(r"'([^']*)'", ctx["expected"]))
    if kind == "union_tag_invalid":
        return _not_one_of(ctx["tag"], list(kinds(str(spot[0]))))
    if kind == "union_tag_not_found":
        return f"is missing: {_one_of(list(kinds(str(spot[0]))))}"
    if kind in _TYPES:
        return f"is {_type_name(detail['input'])}: write {_TYPES[kind].format(key=key)}"
    return _LIMITS[kind](ctx) if kind in _LIMITS else detail["msg"]


def _unknown_key(data: dict[str, Any], spot: Spot) -> str:
    key = str(spot[-1])
    table = table_at(data, spot[:-1])
    here = list(table.toml_keys()) if table else []
    if f"{key}_file" in here:
        return _secret_in_config(data, spot)
    if near := nearest(key, here):
        return f'unknown key: did you mean "{near}"?'
    homes = dict.fromkeys(header for header, home in all_tables() if key in home.toml_keys())
    own = {header for header, home in all_tables() if home is table}
    if 0 < len(homes) <= _FEW and own.isdisjoint(homes):  # a receiver of another kind is no home
        return f"unknown key here: it belongs {' or '.join(homes)}"
    return f"unknown key; there is {', '.join(here)}"


def _secret_in_config(data: dict[str, Any], spot: Spot) -> str:
    section, key = str(spot[0]), str(spot[-1])
    name = value_at(data, (*spot[:-1], "name"))
    several = is_array(Config.model_fields[section])
    variable = (
        secrets.variable(section, name if isinstance(name, str) else "<NAME>", key)
        if several
        else f"TAPEWATCH_{section}_{key}".upper()
    )
    right = f"put it in a file named by {spot[-1]}_file, or in {variable}"
    return f"a secret does not stand in the config: {right}"


def _missing(data: dict[str, Any], spot: Spot) -> str:
    if spot == ("watch",):
        return 'nothing is watched: write [[watch]] and symbol = "SPX" under it'
    table = table_at(data, spot[:-1])
    field = table.toml_keys().get(str(spot[-1])) if table else None
    return f"is missing: {field.description}" if field and field.description else "is missing"


def _wrong_shape(data: dict[str, Any], spot: Spot, detail: ErrorDetails) -> str:
    value = detail["input"]
    header = ".".join(part for part in spot if isinstance(part, str))
    if detail["type"] != "list_type":
        only_one = f"there is only one: write [{header}], with one bracket"
        return only_one if isinstance(value, list) else f"is {_type_name(value)}, where a table belongs"
    right = f"[[{header}]]" if table_at(data, spot) else f'an array, such as {spot[-1]} = ["..."]'
    return f"is {_type_name(value)}: write {right}"


def _not_one_of(value: Any, right: list[str]) -> str:
    near = nearest(value, right) if isinstance(value, str) else None
    unknown = f'"{value}" is unknown' if isinstance(value, str) else f"is {_type_name(value)}"
    return f'{unknown}: did you mean "{near}"?' if near else f"{unknown}: {_one_of(right)}"


def _one_of(right: list[str]) -> str:
    quoted = [f'"{word}"' for word in right]
    return f"write {' or '.join(filter(None, (', '.join(quoted[:-1]), quoted[-1])))}"


def _type_name(value: Any) -> str:
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def _at(data: Any, spot: Spot) -> dict[str, Any]:
    for part in spot:
        data = data[part]
    return data if isinstance(data, dict) else {}
