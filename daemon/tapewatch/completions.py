"""What the shell offers on Tab: names from the config that the line names, and words that are always the same.

It imports little, reads the config with tomllib alone, prints nothing and never fails: a shell waits for it on each
Tab.
"""

import os
import shlex
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

MOST_FILES = 200
"""More files in a folder are not looked through."""

VENDORS = ("alpaca", "coinbase", "finnhub", "json", "kraken", "massive")
SCENARIOS = ("sp500-7000",)
SEVERITIES = ("info", "warning", "critical")
TIMEFRAMES = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
SCHEMAS = ("alert", "config")
TYPES = (
    "level.crossed_up", "level.crossed_down", "level.touched", "level.confirmed", "level.failed",
    "zone.entered_from_below", "zone.entered_from_above", "zone.broke_above", "zone.broke_below",
    "zone.rejected_down", "zone.rejected_up", "zone.jumped_up", "zone.jumped_down", "zone.touched",
    "zone.confirmed", "zone.failed", "condition.fired", "divergence.regular_bearish", "divergence.regular_bullish",
    "divergence.hidden_bearish", "divergence.hidden_bullish", "feed.stale", "feed.back", "test",
)  # fmt: skip
INIT_SYMBOLS = ("SPX", "NDX", "SPY", "QQQ", "IWM", "BTC/USD", "ETH/USD", "XLC/SPY")
INIT_VENDORS = ("alpaca", "coinbase", "finnhub", "kraken", "massive", "simulator")
INIT_RECEIVERS = ("terminal", "slack", "slack-bot", "email", "webhook", "apprise", "nobody")
"""Copies of what slower modules know; a test compares them."""

DEFAULT_CONFIG = Path("config/sp500.toml")

Names = Callable[[typer.Context], Iterable[str]]
Completer = Callable[[typer.Context, str], list[str]]


class _Typed(str):
    """A word as bash is to put it on the line, which is compared by what it means: typer has no other hook."""

    plain: str

    def startswith(self, *args: Any) -> bool:
        return self.plain.startswith(*args)


def _completer(names: Names) -> Completer:
    """What typer calls on Tab: those of `names` that begin as the word does; on any trouble none."""

    @wraps(names)
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return _for_shell(name for name in dict.fromkeys(names(ctx)) if name.startswith(incomplete))
        except Exception:  # no trouble of ours may end up on somebody's command line
            return []

    complete.__annotations__ = {"ctx": typer.Context, "incomplete": str, "return": list[str]}
    del complete.__wrapped__  # typer would read its parameters
    return complete


def _for_shell(found: Iterable[str]) -> list[str]:
    """As the shell wants them: bash puts them on the line as they are, so that a space must be escaped."""
    words = [name for name in found if name.isprintable()]
    if os.environ.get("_TAPEWATCH_COMPLETE") != "complete_bash" or _in_quotes():
        return words
    return [_typed(name) for name in words]


def _typed(name: str) -> _Typed:
    word = _Typed("".join(f"\\{each}" if shlex.quote(each) != each else each for each in name))
    word.plain = name
    return word


def _in_quotes() -> bool:
    words = os.environ.get("COMP_WORDS", "").split("\n")
    place = int(os.environ.get("COMP_CWORD", "0"))
    return place < len(words) and words[place][:1] in ("'", '"')


def _config(ctx: typer.Context) -> dict[str, Any]:
    """The config that the line names, before the cursor or (in bash) behind it; else the default."""
    named = ctx.params.get("config") or DEFAULT_CONFIG
    words = os.environ.get("COMP_WORDS", "").split("\n")
    if Path(named) == DEFAULT_CONFIG:
        for option, value in pairwise(words):
            if option in ("-c", "--config"):
                named = value
    return tomllib.loads(Path(named).expanduser().read_text(encoding="utf-8-sig"))


def _tables(config: dict[str, Any], *path: str) -> list[dict[str, Any]]:
    found = [config]
    for key in path:
        found = [inner for table in found for inner in table.get(key, ())]
    return found


def _named(ctx: typer.Context, section: str) -> Iterator[str]:
    return (str(table["name"]) for table in _tables(_config(ctx), section) if "name" in table)


def _symbols(ctx: typer.Context) -> Iterator[str]:
    return (str(table["symbol"]) for table in _tables(_config(ctx), "watch") if "symbol" in table)


def _vendors_symbols(ctx: typer.Context) -> Iterator[str]:
    for table in _tables(_config(ctx), "watch"):
        yield str(table.get("feed_symbol") or table["symbol"])


def _rules(ctx: typer.Context) -> Iterator[str]:
    """Of the symbol that the line names, else of all."""
    symbol = ctx.params.get("symbol")
    for watch in _tables(_config(ctx), "watch"):
        if symbol in (None, watch.get("symbol")):
            yield from (_price(own, "price") for own in _tables(watch, "level"))
            yield from (_price(own, "low", "high") for own in _tables(watch, "zone"))
            yield from (str(own["name"]) for own in _tables(watch, "condition") if "name" in own)


def _price(table: dict[str, Any], *keys: str) -> str:
    """The name of a level or zone; left out, its price or prices, as `values.price_name` has them."""
    return str(table.get("name") or "-".join(str(float(table[key])).removesuffix(".0") for key in keys))


def _timeframes(ctx: typer.Context) -> Iterator[str]:
    """Those of the watches, else the usual ones."""
    try:
        own = [name for watch in _tables(_config(ctx), "watch") for name in watch.get("timeframes", ())]
    except (OSError, ValueError):
        own = []
    yield from map(str, own or TIMEFRAMES)


def _always(words: Iterable[str]) -> Completer:
    return _completer(lambda ctx: words)


def configs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Files whose names end in `.toml`, in the folder that is being typed and in those right below it that fit.

    None where there is none: then the shell completes names of files by itself.
    """
    try:
        folder, _, begun = incomplete.rpartition("/")
        place = Path(f"{folder}/" if folder or incomplete.startswith("/") else ".")
        before = incomplete[: len(incomplete) - len(begun)]
        found: list[str] = []
        for entry in sorted(_entries(place), key=lambda own: own.name):
            if not entry.name.startswith(begun) or (entry.name.startswith(".") and not begun):
                continue
            if entry.is_dir():
                below = sorted(own.name for own in _entries(Path(entry.path)) if own.name.endswith(".toml"))
                found += [f"{before}{entry.name}/{name}" for name in below]
            elif entry.name.endswith(".toml"):
                found.append(f"{before}{entry.name}")
        return _for_shell(name for name in found if "/." not in name)
    except Exception:
        return []


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    """What is in a folder, so much of it; nothing where it may not be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for _, entry in zip(range(MOST_FILES), entries, strict=False)]
    except OSError:
        return []


symbols = _completer(_symbols)
vendors_symbols = _completer(_vendors_symbols)
rules = _completer(_rules)
receivers = _completer(lambda ctx: _named(ctx, "receiver"))
feeds = _completer(lambda ctx: _named(ctx, "feed"))
timeframes = _completer(_timeframes)
vendors = _always(VENDORS)
scenarios = _always(SCENARIOS)
severities = _always(SEVERITIES)
types = _always(TYPES)
schemas = _always(SCHEMAS)
speeds = _always(("max", "1x", "60x", "600x", "2000x"))
init_symbols = _always(INIT_SYMBOLS)
init_vendors = _always(INIT_VENDORS)
init_receivers = _always(INIT_RECEIVERS)
