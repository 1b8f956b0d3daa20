"""What the description of a `[[feed]]` with `vendor = "json"` means: its messages and where a trade's values stand."""

import json
from collections.abc import Iterator

from tapewatch.check.lines import Spot
from tapewatch.check.tables import Finding, Written
from tapewatch.config.messages import fill, is_json, places
from tapewatch.problems import nearest

_SECRETS = ("key", "secret")
_SYMBOLS = ("symbol", "symbols")
_SAMPLE = {"key": "K", "secret": "S", "symbol": "SPY", "symbols": ["SPY"]}
_PATHS = ("symbol", "price", "size", "time", "id")


def check_json_feeds(config: Written) -> Iterator[Finding]:
    """All that is wrong in the feeds that are described."""
    for feed in config.tables("feed"):
        if feed.text("vendor") == "json":
            yield from _messages(feed)
            yield from _paths(feed)


def _messages(feed: Written) -> Iterator[Finding]:
    for text, spot in feed.texts("hello"):
        yield from _message(text, spot, _SECRETS)
    for key in ("subscribe", "unsubscribe"):
        if message := feed.text(key):
            yield from _message(message, (*feed.spot, key), (*_SECRETS, *_SYMBOLS))
    if feed.text("unsubscribe") and "subscribe" not in feed.data:
        yield feed.error("unsubscribe", "there is nothing to end: write subscribe, too, or leave this out")


def _message(text: str, spot: Spot, known: tuple[str, ...]) -> Iterator[Finding]:
    named = places(text)
    for name in dict.fromkeys(named):
        if name not in known:
            yield Finding(spot, _unknown(name, known))
    if set(_SYMBOLS) <= set(named):
        right = "one message for each symbol has {symbol}, one for all of them has {symbols}"
        yield Finding(spot, f"has both {{symbol}} and {{symbols}}: {right}")
    if set(named) <= set(known) and is_json(text) and (problem := _not_json(text)):
        yield Finding(spot, problem)


def _unknown(name: str, known: tuple[str, ...]) -> str:
    if name in _SYMBOLS:
        return f"{{{name}}} belongs into subscribe: hello is sent once, before it"
    near = nearest(name, known)
    there = " and ".join(f"{{{each}}}" for each in known)
    right = f"did you mean {{{near}}}?" if near else f"there is {there}"
    return f"nothing is put in for {{{name}}}: {right}"


def _not_json(text: str) -> str | None:
    """Why `text` is no JSON once its places are filled; None if it is."""
    try:
        json.loads(fill(text, _SAMPLE))
    except RecursionError:
        return "is nested too deep"
    except ValueError as error:
        for name in _SYMBOLS:
            bare, quoted = f"{{{name}}}", f'"{{{name}}}"'
            if name == "symbols" and quoted in text:
                return f"is no JSON: {bare} is an array by itself, take the quotes around it away"
            if name == "symbol" and bare in text and _is_json(text.replace(bare, quoted)):
                return f"is no JSON: put {bare} in quotes, {quoted}"
        reason = str(error).partition(":")[0]
        return f'is no JSON ({reason}): write it such as {{"op": "subscribe", "symbol": "{{symbol}}"}}'
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(fill(text, _SAMPLE))
    except ValueError:
        return False
    return True


def _paths(feed: Written) -> Iterator[Finding]:
    yield from _steps(feed, "trades", may_be_empty=True)
    for key in _PATHS:
        yield from _steps(feed, key)
    only = feed.table("only")
    for key in only.data:
        yield from _way(only, key, key)
    written: dict[str, str] = {}
    for key in _PATHS:
        if where := feed.text(key):
            first = written.setdefault(where, key)
            if first != key:
                yield feed.error(key, f'"{where}" is where {first} stands: each has a place of its own')


def _steps(feed: Written, key: str, *, may_be_empty: bool = False) -> Iterator[Finding]:
    where = feed.text(key)
    if where is not None and not (may_be_empty and not where):
        yield from _way(feed, key, where)


def _way(table: Written, key: str, where: str) -> Iterator[Finding]:
    if any(not step.strip() for step in where.split(".")):
        right = f'"{".".join(step for step in where.split(".") if step.strip()) or key}"'
        yield table.error(key, f"has a step that is empty: names are parted by single dots, such as {right}")
