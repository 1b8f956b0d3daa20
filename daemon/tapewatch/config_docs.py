"""The page docs/config.md, from the models: `python -m tapewatch.config_docs > docs/config.md`."""

from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tapewatch.check.keys import all_tables, tables_of
from tapewatch.config import Table

_INTRO = """\
# The config

One TOML file. `tapewatch check FILE` names every mistake in it, with its line and what would be right;
`config/sp500.toml` is an example with comments. What is left out has the default that is listed here.

Relative paths start at the folder of the file.

**Secrets** (keys, passwords, URLs that hold a token) do not stand in the file. Each has an environment
variable, such as `TAPEWATCH_FEED_TAPE_KEY` for the key of the feed `tape`: the name in upper case, `_` for
whatever is no letter or digit. Or put it in a file of its own and name that by `key_file`, `url_file` and so
on; of systemd's credentials (`LoadCredential=`) the one with the file's name comes first. Only `run` and
`notify-test` read secrets.
"""

CONDITIONS = {
    "rsi(14)@1d crosses above 70": "An indicator goes across a number, upwards.",
    "rsi(14)@1d crosses below 30": "The same downwards; `crosses` alone is either way.",
    "macd@1d crosses macd.signal@1d": "An indicator goes across another one.",
    "price crosses sma(50)@1d": "The price goes across an indicator.",
    "price crosses 7000": "The same as a level at 7000.",
    "rsi(14)@1h diverges": "Price and RSI part, to either side.",
    "rsi(14)@1h diverges bearish": "Price makes a higher high, RSI a lower one; `bullish` is the mirror.",
}
"""What may be written, and what it means."""

_CONDITIONS_INTRO = """\
## Conditions

What `when` takes. An indicator always names its timeframe: `rsi(14)@1d`. There are `sma(50)`, `ema(20)`,
`rsi(14)` and `macd(12,26,9)` with any periods; `.signal` and `.hist` are MACD's other two values, and `macd`
alone is short for `macd(12,26,9)`. What compares the price is checked on every tick, what compares indicators
at the close of the bar.

| When | Meaning |
|---|---|
"""


def page() -> str:
    """The page, Markdown."""
    parts = [_INTRO, *(_section(where, table) for where, table in all_tables())]
    conditions = "".join(f"| `{when}` | {meaning} |\n" for when, meaning in CONDITIONS.items())
    return "\n".join((*parts, _CONDITIONS_INTRO + conditions))


def _section(where: str, table: type[Table]) -> str:
    title = f"`{where.removeprefix('under ')}`" if where.startswith("under ") else "The top of the file"
    if "kind" in table.model_fields:
        title += f", `kind = {_type(table.model_fields['kind'].annotation)}`"
    rows = "".join(_rows(table))
    return f"## {title}\n\n{getdoc(table)}\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n{rows}"


def _rows(table: type[Table]) -> Iterator[str]:
    for key, field in table.model_fields.items():
        if key != "kind" and not tables_of(field.annotation):
            yield f"| `{key}` | {_type(field.annotation)} | {_default(field)} | {field.description} |\n"


def _type(annotation: Any) -> str:
    inner = [part for part in get_args(annotation) if part is not type(None)]
    match get_origin(annotation):
        case origin if origin is Literal:
            return ", ".join(f'"{word}"' for word in inner)
        case origin if origin is list:
            return f"array of {_plural(_type(inner[0]))}"
        case origin if origin is Annotated:
            return _type(inner[0])
        case origin if origin in (Union, UnionType):
            return " or ".join(map(_type, inner))
    words = {str: "text", SecretStr: "text", float: "number", int: "whole number", Path: "path"}
    return words[annotation]


def _plural(word: str) -> str:
    return word if word == "text" else f"{word}s"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default is None or field.default is PydanticUndefined:
        return ""
    if isinstance(field.default, list):
        return f"`[{', '.join(map(_toml, field.default))}]`"
    return f"`{_toml(field.default)}`"


def _toml(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(page(), end="")
