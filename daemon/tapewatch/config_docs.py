"""The page docs/config.md, from the models: `python -m tapewatch.config_docs > docs/config.md`."""

from collections.abc import Iterator
from datetime import date, datetime
from inspect import getdoc
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tapewatch.check.keys import TELLING, all_tables, tables_of
from tapewatch.config import Table

_INTRO = """\
# The config

One TOML file. `tapewatch check FILE` names every mistake in it, with its line and what would be right;
`config/sp500.toml` is an example with comments. What is left out has the default that is listed here.

Editors complete and check it by [config.schema.json](config.schema.json), which `tapewatch schema config` prints: VS
Code with Even Better TOML, and others that know taplo's directive, if the first line of the file is
`#:schema ./tapewatch.schema.json` and the schema lies beside it. `tapewatch init` writes both.

Relative paths start at the folder of the file.

**Secrets** (keys, passwords, URLs that hold a token) do not stand in the file. Each has an environment
variable, such as `TAPEWATCH_FEED_TAPE_KEY` for the key of the feed `tape`: the name in upper case, `_` for
whatever is no letter or digit. Or put it in a file of its own and name that by `key_file`, `url_file` and so
on; of systemd's credentials (`LoadCredential=`) the one with the file's name comes first. Only `run` and
`notify-test` read secrets.
"""

EVENTS = {
    "price crosses 7000": "The price goes across a number: the same as a level at 7000.",
    "price crosses above sma(50)@1d": "It goes across an indicator, upwards; `crosses below` is downwards.",
    "price crosses previous.high": "It goes across the high of the session before.",
    "rsi(14)@1d crosses above 70": "An indicator goes across a number.",
    "macd@1d crosses macd.signal@1d": "An indicator goes across another one; `crosses` alone is either way.",
    "price enters 6950 to 6970": "The price comes in between two numbers, edges included: the same as a zone.",
    "rsi(14)@1h leaves 30 to 70": "An indicator goes out from between two numbers.",
    "rsi(14)@1h diverges": "Price and RSI part, to either side: regular divergence.",
    "rsi(14)@1h diverges bearish": "Price makes a higher high, RSI a lower one; `bullish` is the mirror.",
    "macd.hist@1h diverges hidden bullish": "Price makes a higher low, the MACD histogram a lower one.",
    "rsi(14)@1h diverges forming": "Warns early, too, while the second pivot forms.",
}
"""What may be written for an event, and what it means."""

STATES = {
    "rsi(14)@1h > 70": "Above; `>=`, `<` and `<=` likewise. `is above` and `is below` are `>` and `<`.",
    "price > vwap": "The price is above the session's volume-weighted average.",
    "volume@5m >= 2000000": "The 5-minute bar has so much volume.",
    "macd.hist@1h within 1.0 of 0": "At most so far away, in the left one's own points.",
    "price within 0.5% of sma(200)@1d": "At most so many percent of the right one away.",
    "price up 1.5% in 30m": "Up by so much or more over 30 trading minutes of one session; `down` is the mirror.",
    "change(30m) >= 1.5": "The same.",
}
"""What may be written for a state, and what it means."""

COMBINED = {
    "price crosses above 7000 and rsi(14)@1d < 70": "Price goes across while RSI is below 70.",
    "price crosses above session.open and price > vwap and volume@5m > 2000000": "As many as eight parts.",
    "rsi(14)@1h < 30 and price within 0.2% of sma(200)@1d": "Without an event: when all of it begins to hold.",
}
"""What `and` may join."""

OPERANDS = {
    "price": "The last price; it stands on the left.",
    "sma(50)@1d": "Simple moving average.",
    "ema(20)@1h": "Exponential moving average.",
    "rsi(14)@1h": "Relative strength index, 0 to 100.",
    "macd(12,26,9)@1d": "MACD line; `.signal` and `.hist` are its other two values: `macd(12,26,9).hist@1d`. "
    "`macd@1d` and `macd.hist@1d` are short for these periods.",
    "atr(14)@1d": "Average true range.",
    "bb(20,2).upper@1h": "Upper Bollinger band, 2 standard deviations away; `.middle` and `.lower`.",
    "roc(10)@1d": "Rate of change over 10 bars, in percent.",
    "vwap": "Volume-weighted average price of the session; the same as `vwap@1d`.",
    "close@5m": "Of the bar of a timeframe: `open`, `high`, `low`, `close`, `volume`.",
    "session.high": "Of the session so far: `open`, `high`, `low`, `close`, `volume`; the same as `high@1d`.",
    "previous.close": "Of the session before: `high`, `low`, `close`.",
    "change(30m)": "Percent from the close of the minute 30 trading minutes before; whole minutes or hours.",
}
"""What may be compared, and what it is."""

_CONDITIONS_INTRO = """\
## Conditions

What `when` takes: parts joined by `and`, in any order. An **event** happens at an instant; there is at most one. A
**state** holds or does not. With an event, the condition fires when it happens while every state holds; without one,
when its states, taken together, begin to hold. Upper and lower case are the same.
"""

_OPERANDS_INTRO = """
An indicator always names its timeframe, and so does a bar's value: `rsi(14)@1d`. Periods are any. What is compared
must be on one scale: prices and averages; volumes; percentages; each other indicator only with itself. Numbers have no
commas: `7000`.
"""

_WHEN = """
### When it is checked

On every tick, if its event is about the price, or if there is no event and all its states are about the price or a
`change`. Else at the close of the shortest timeframe that its event names, or without an event its states. `on` says
otherwise: on a tick, indicators and bars are those that form.

`price crosses …`, `price enters …` and `price leaves …` have the watch's re-arm band and fire each time, and so does
`… diverges`, once a pivot. All others fire `once per bar` of the shortest timeframe they name, a `change(30m)` counting
as 30 minutes, so that what dances around its threshold is one alert a bar. [The design](design.md#conditions) has it
exactly.
"""


def page() -> str:
    """The page, Markdown."""
    # A table that several kinds have stands once, after the last of them.
    tables = reversed(dict.fromkeys(reversed(list(all_tables()))))
    parts = [_INTRO, *(_section(where, table) for where, table in tables)]
    return "\n".join((*parts, _conditions()))


def _conditions() -> str:
    tables = (("Event", EVENTS), ("State", STATES), ("Both", COMBINED))
    forms = "".join(f"\n{_table(head, rows)}" for head, rows in tables)
    return f"{_CONDITIONS_INTRO}{forms}{_OPERANDS_INTRO}\n{_table('Operand', OPERANDS)}{_WHEN}"


def _table(head: str, rows: dict[str, str]) -> str:
    lines = "".join(f"| `{text}` | {meaning} |\n" for text, meaning in rows.items())
    return f"| {head} | Meaning |\n|---|---|\n{lines}"


def _section(where: str, table: type[Table]) -> str:
    title = f"`{where.removeprefix('under ')}`" if where.startswith("under ") else "The top of the file"
    for key in TELLING.values():
        if key in table.model_fields:
            title += f", `{key} = {_type(table.model_fields[key].annotation)}`"
    rows = "".join(_rows(table))
    return f"## {title}\n\n{getdoc(table)}\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n{rows}"


def _rows(table: type[Table]) -> Iterator[str]:
    for key, field in table.toml_keys().items():
        if key not in TELLING.values() and not tables_of(field.annotation):
            yield f"| `{key}` | {_type(field.annotation)} | {_default(field)} | {field.description} |\n"


def _type(annotation: Any) -> str:
    inner = [part for part in get_args(annotation) if part is not type(None)]
    match get_origin(annotation):
        case origin if origin is Literal:
            return ", ".join(map(_toml, inner))
        case origin if origin is dict:
            return "table"
        case origin if origin is list:
            return f"array of {_plural(_type(inner[0]))}"
        case origin if origin is Annotated:
            return _type(inner[0])
        case origin if origin in (Union, UnionType):
            return " or ".join(map(_type, inner))
    return _WORDS[annotation]


_WORDS = {
    str: "text",
    SecretStr: "text",
    float: "number",
    int: "whole number",
    bool: "true, false",
    Path: "path",
    date: "date",
    datetime: "date-time",
}


def _plural(word: str) -> str:
    return word if word == "text" else f"{word}s"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default is None or field.default is PydanticUndefined:
        return ""
    if isinstance(field.default, dict):
        return "`{}`"
    if isinstance(field.default, list):
        return f"`[{', '.join(map(_toml, field.default))}]`"
    return f"`{_toml(field.default)}`"


def _toml(value: str | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(page(), end="")
