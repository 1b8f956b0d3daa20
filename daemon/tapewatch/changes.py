"""What differs between two configs, in words: what begins anew, what keeps its state, what needs a restart.

It compiles nothing, so that `tapewatch diff` says in a moment what the daemon will do.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch import addresses
from tapewatch.config import Condition, Config, Feed, Level, Route, Table, Watch, Zone
from tapewatch.feeds.vendors import VENDORS
from tapewatch.meaning import engine_watch

RELOADED = ("watch", "receiver", "route")
"""Tables of the config whose change is taken over; that of any other key needs a restart."""

SIDES = "begins anew, its side taken from the last price"
CONDITIONS = "begins anew"
WORDS = "words alone: its state is kept"
KEPT = "its state is kept"
FROM_HISTORY = "comes from history, as far as that goes"
FROM_CLOSES = "from the closes that are known, else from history"
CLOSES_ALONE = "from the closes that are known; where they do not suffice, from the next bars"
WITHOUT_HISTORY = "there is no history for it: it begins with the next bars"

_Rule = Level | Zone | Condition
_WORDS = {"role", "next", "note", "severity"}


@dataclass(frozen=True)
class Detail:
    """One thing that is other in a watch or a receiver."""

    item: str
    """`level round`, `timeframe 15m`, `max_jump`."""
    what: str
    """`added`, `removed`, or what was and what is: `price 100 → 102`."""
    effect: str = ""
    """What becomes of its state."""

    def __str__(self) -> str:
        return f"{self.item}: {self.what}" + (f"; {self.effect}" if self.effect else "")


@dataclass(frozen=True)
class Change:
    """A watch, a receiver or a route that is new, gone or other than it was."""

    name: str
    what: str
    """`added`, `removed` or `changed`."""
    effect: str = ""
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True)
class Changes:
    """From one config to another."""

    needs_restart: tuple[str, ...]
    """Keys, such as `feed tape: url`; a reload is refused because of them."""
    watches: tuple[Change, ...]
    receivers: tuple[Change, ...]
    routes: tuple[Change, ...]

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.needs_restart or self.watches or self.receivers or self.routes)

    def of_watches(self, what: str) -> list[str]:
        """The symbols that were `added`, `removed` or `changed`."""
        return [own.name for own in self.watches if own.what == what]

    def of_receivers(self, what: str) -> list[str]:
        """The receivers that were `added`, `removed` or `changed`."""
        return [own.name for own in self.receivers if own.what == what]

    def lines(self) -> Iterator[str]:
        """A line each, what a reload takes over alone."""
        for kind, changes in (("watch", self.watches), ("receiver", self.receivers), ("route", self.routes)):
            for own in changes:
                yield f"{kind} {own.name}: {own.what}" + (f"; {own.effect}" if own.effect else "")
                for detail in own.details:
                    yield f"{kind} {own.name}: {detail}"


def changes(old: Config, new: Config) -> Changes:
    """What differs.

    Raises:
        FeedError: a vendor serves the symbols of a feed of `new` at several addresses.
    """
    return Changes(
        tuple(needs_restart(old, new)),
        tuple(_of_watches(old, new)),
        tuple(_of_receivers(old, new)),
        tuple(_of_routes(old.route, new.route)),
    )


def needs_restart(old: Config, new: Config) -> list[str]:
    """The keys that differ and cannot be taken over: `ha`, `[redis] fsync`, `feed tape: url`.

    Raises:
        FeedError: a vendor serves the symbols of a feed of `new` at several addresses.
    """
    found: list[str] = []
    for key in Config.model_fields:
        before, after = getattr(old, key), getattr(new, key)
        if before == after or key in RELOADED:
            continue
        if key == "feed":
            found += _of_feeds(before, after)
        elif isinstance(before, Table) and isinstance(after, Table):
            found += [f"[{key}] {own}" for own in _keys(before, after)]
        else:
            found.append(key)
    if old.feed == new.feed:
        found += [f"feed {name}: it would connect elsewhere" for name in addresses.moved(old, new)]
    return found


def has_history(config: Config, watch: Watch) -> bool:
    """Whether past bars can be had to warm its indicators up."""
    feed = config.feed_of(watch)
    asks = feed is not None and feed.asks_for_history and VENDORS[feed.vendor].history is not None
    return bool(watch.history) or (asks and getattr(feed, "warm_up", 0) > 0)


def _of_feeds(old: Sequence[Feed], new: Sequence[Feed]) -> Iterator[str]:
    before, after = _by_name(old), _by_name(new)
    for name, feed in after.items():
        if name not in before:
            yield f"feed {name}: added"
        elif type(before[name]) is not type(feed):
            yield f"feed {name}: vendor"
        else:
            yield from (f"feed {name}: {key}" for key in _keys(before[name], feed))
    yield from (f"feed {name}: removed" for name in before if name not in after)
    if before == after:
        yield "the order of the feeds"


def _of_watches(old: Config, new: Config) -> Iterator[Change]:
    before, after = ({watch.symbol: watch for watch in own.watch} for own in (old, new))
    for symbol, watch in after.items():
        if symbol not in before:
            warm = (
                "indicators from history" if has_history(new, watch) else "indicators from the next bars on"
            )
            yield Change(symbol, "added", f"{warm}, levels take their side from the first tick")
        elif found := tuple(_of_watch(old, before[symbol], new, watch)):
            yield Change(symbol, "changed", details=found)
        elif before[symbol] != watch:
            yield Change(symbol, "changed", f"it is spelled otherwise, and means the same: {KEPT}")
    for symbol in before:
        if symbol not in after:
            yield Change(symbol, "removed", "it is watched no more")
    if set(before) == set(after) and list(before) != list(after):
        yield Change("all", "changed", "their order alone: every state is kept")


def _of_watch(old: Config, before: Watch, new: Config, after: Watch) -> Iterator[Detail]:
    was, is_ = (engine_watch(*own, live=bool(own[0].feed)) for own in ((old, before), (new, after)))
    if was.sessions.calendar != is_.sessions.calendar:
        effect = "the whole watch begins anew, as one that is added"
        yield Detail("calendar", f"{before.calendar} → {after.calendar}", effect)
        return
    if was.legs != is_.legs:
        yield Detail("legs", f"{_legs(was.legs)} → {_legs(is_.legs)}", "the ratio waits for a tick of either")
    history = has_history(new, after)
    of_bars, of_closes = (FROM_HISTORY, FROM_CLOSES) if history else (WITHOUT_HISTORY, CLOSES_ALONE)
    yield from _of_names("timeframe", was.timeframes, is_.timeframes, of_bars)
    yield from _of_names("indicator", was.indicators, is_.indicators, of_closes)
    meant = ({rule.name: rule for rule in own.rules} for own in (was, is_))
    yield from _of_rules(before, after, *meant)
    yield from _of_keys(before, after)


def _of_names(kind: str, old: Sequence[object], new: Sequence[object], effect: str) -> Iterator[Detail]:
    yield from (Detail(f"{kind} {own}", "added", effect) for own in new if own not in old)
    yield from (Detail(f"{kind} {own}", "removed") for own in old if own not in new)


def _of_rules(
    old: Watch, new: Watch, meant_before: Mapping[str, Any], meant: Mapping[str, Any]
) -> Iterator[Detail]:
    for kind in ("level", "zone", "condition"):
        before, after = (_by_name(getattr(own, kind)) for own in (old, new))
        anew = CONDITIONS if kind == "condition" else SIDES
        for name, rule in after.items():
            if name not in before:
                yield Detail(f"{kind} {name}", "added", anew.removeprefix("begins anew, "))
            elif meant_before[name] != meant[name]:
                yield Detail(f"{kind} {name}", _from_to(before[name], rule), anew)
            elif before[name] != rule:
                yield Detail(f"{kind} {name}", _from_to(before[name], rule), _kept(before[name], rule))
        yield from (Detail(f"{kind} {name}", "removed") for name in before if name not in after)
        if before == after and list(before) != list(after):
            yield Detail(f"the {kind}s", "in another order", KEPT)


def _kept(old: _Rule, new: _Rule) -> str:
    return WORDS if set(_keys(old, new)) <= _WORDS else KEPT


def _from_to(old: _Rule, new: _Rule) -> str:
    """`price 100 → 102, note`; what people read is not quoted."""
    fields = type(new).model_fields
    found = [
        key
        if key in _WORDS
        else f"{fields[key].alias or key} {_shown(getattr(old, key))} → {_shown(getattr(new, key))}"
        for key in _keys(old, new)
    ]
    return ", ".join(found) or "the watch's rearm or shortest timeframe"


def _of_keys(old: Watch, new: Watch) -> Iterator[Detail]:
    """The watch's own keys, but for those of which the rules, timeframes and indicators tell."""
    for key in _keys(old, new):
        if key in ("level", "zone", "condition", "symbol", "calendar", "rearm"):
            continue
        before, after = getattr(old, key), getattr(new, key)
        if key == "history":
            yield Detail(key, "other files", "read when something is to come from history")
        elif key in ("timeframes", "indicators"):
            if sorted(before) == sorted(after):
                yield Detail(key, "in another order", KEPT)
        elif isinstance(before, list):
            yield Detail(key, "other than before", KEPT)
        else:
            yield Detail(key, f"{_shown(before)} → {_shown(after)}", KEPT)


def _of_receivers(old: Config, new: Config) -> Iterator[Change]:
    before, after = _by_name(old.receiver), _by_name(new.receiver)
    for name, receiver in after.items():
        if name not in before:
            yield Change(name, "added", "it gets what fires from then on, or goes on where it was once")
        elif before[name] != receiver:
            kind = ["kind"] if type(before[name]) is not type(receiver) else _keys(before[name], receiver)
            details = tuple(Detail(key, "other than before") for key in kind)
            yield Change(name, "changed", "what it has not had, the new one takes up", details)
    for name in before:
        if name not in after:
            yield Change(
                name, "removed", "what it has not had within two seconds stays in Redis, for its return"
            )


def _of_routes(old: Sequence[Route], new: Sequence[Route]) -> Iterator[Change]:
    before, after = (Counter(map(_route, own)) for own in (old, new))
    for what, names in (("added", after - before), ("removed", before - after)):
        yield from (Change(name, what) for name in names.elements())


def _route(route: Route) -> str:
    matched = [f"{key} {value}" for key, value in route.match.model_dump().items() if value is not None]
    return f"{', '.join(matched) or 'every alert'} → {', '.join(route.receivers)}"


def _keys(old: Table, new: Table) -> list[str]:
    """The keys of two tables of a kind that differ."""
    return [key for key in type(new).model_fields if getattr(old, key) != getattr(new, key)]


def _by_name(tables: Sequence[Any]) -> dict[str, Any]:
    return {own.name: own for own in tables}


def _shown(value: object) -> str:
    return "left out" if value is None else str(value).removesuffix(".0")


def _legs(legs: tuple[str, str] | None) -> str:
    return "none" if legs is None else " and ".join(legs)
