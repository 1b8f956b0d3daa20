"""How the parts are joined: which watch takes which feed, which alert goes to which receiver."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from ipaddress import ip_address

from tapewatch.alerts.alert import TYPE_PREFIX
from tapewatch.alerts.feed_alert import RULE as FEED_RULE
from tapewatch.alerts.schema import ALERT_TYPES
from tapewatch.check.json_feed import check_json_feeds
from tapewatch.check.tables import Finding, Written
from tapewatch.check.watches import repeated, rule_name
from tapewatch.problems import did_you_mean
from tapewatch.values import legs_of, listen_address

_INDEX = "I:"
"""How the symbols of Massive's indices begin; they come from another address than stocks."""

_OF_PAIRS = ("coinbase", "kraken")
"""Vendors whose symbols are pairs of currencies, which people write with a slash."""


def check_wiring(config: Written) -> Iterator[Finding]:
    """All that is wrong between feeds and watches, and between routes and receivers."""
    yield from repeated(config.tables("feed"), "name", "another feed is called {} already")
    yield from repeated(config.tables("receiver"), "name", "another receiver is called {} already")
    yield from _feeds_of_watches(config)
    yield from _feeds(config)
    yield from check_json_feeds(config)
    yield from _routes(config)
    yield from _receivers(config)
    yield from _http(config.table("http"))


def _http(table: Written) -> Iterator[Finding]:
    try:
        address = listen_address(table.text("listen") or "off")
    except ValueError:  # named elsewhere
        return
    if address and not ip_address(address[0]).is_loopback and "token_file" not in table.data:
        yield table.warning(
            "listen", "closed to other hosts unless TAPEWATCH_HTTP_TOKEN or token_file is set"
        )


def _names(tables: Iterable[Written]) -> list[str]:
    return [name for table in tables if (name := table.text("name"))]


def _feeds_of_watches(config: Written) -> Iterator[Finding]:
    feeds = _names(config.tables("feed"))
    for watch in config.tables("watch"):
        name = watch.text("feed")
        if name is None and "feed" not in watch.data and len(feeds) > 1:
            yield watch.error("feed", f"is missing: there are several, so say which: {', '.join(feeds)}")
        elif name is not None and name not in feeds:
            yield watch.error("feed", f'there is no [[feed]] called "{name}": {_which(name, feeds)}')


def _which(name: str, known: list[str]) -> str:
    return did_you_mean(name, known, f"there is {', '.join(known)}" if known else "there is none at all")


def _feeds(config: Written) -> Iterator[Finding]:
    feeds, watches = config.tables("feed"), config.tables("watch")
    names = _names(feeds)
    vendors = {
        symbol: name
        for watch in watches
        if (symbol := watch.text("symbol")) and (name := watch.text("feed_symbol"))
    }
    all_clear = all(watch.text("feed") in names for watch in watches)
    for feed in feeds:
        name = feed.text("name")
        users = [watch for watch in watches if watch.text("feed") == name or _takes_the_only(watch, feeds)]
        if name and all_clear and not users:
            yield feed.warning("name", f'no watch takes feed "{name}"')
        vendor = feed.text("vendor")
        if vendor == "massive":
            yield from _mixed_symbols(users, vendors)
        if vendor in _OF_PAIRS:
            yield from _pairs_read_as_composites(users, _known(watches), vendor)


def _known(watches: list[Written]) -> set[str]:
    """What a leg may be called for being watched, or fed, under that name."""
    return {name for watch in watches for key in ("symbol", "feed_symbol") if (name := watch.text(key))}


def _pairs_read_as_composites(watches: list[Written], known: set[str], vendor: str) -> Iterator[Finding]:
    """`BTC/USD` without a `feed_symbol` would be the price of BTC divided by that of USD, which nobody has."""
    for watch in watches:
        symbol = watch.text("symbol")
        legs = legs_of(symbol) if symbol and "feed_symbol" not in watch.data else None
        if legs is None or not all(legs):  # half a composite is named elsewhere
            continue
        strangers = [leg for leg in legs if leg not in known and not (vendor == "coinbase" and "-" in leg)]
        if strangers:
            yield watch.error(
                "symbol",
                f"{symbol} would be {legs[0]} divided by {legs[1]}, and {strangers[0]} is no pair that is traded"
                f' or watched: for the pair, write feed_symbol = "{symbol}" too',
            )


def _takes_the_only(watch: Written, feeds: list[Written]) -> bool:
    return len(feeds) == 1 and "feed" not in watch.data


def _mixed_symbols(watches: list[Written], vendors: dict[str, str]) -> Iterator[Finding]:
    """Massive serves indices and stocks at two addresses, so one feed has either."""
    of_kind: dict[bool, Written] = {}
    for watch in watches:
        for symbol in _fed(watch, vendors):
            is_index = symbol.startswith(_INDEX)
            first = of_kind.setdefault(is_index, watch)
            if len(of_kind) < 2 or first is not watch:
                continue
            kind, other = ("an index", "stocks") if is_index else ("a stock", "indices")
            right = f"{symbol} is {kind}, and its feed has {other} already: give it a [[feed]] of its own"
            if of_kind[not is_index] is watch:
                right = (
                    f"{symbol} is {kind}, and the other is not: one feed has either, and both come from one"
                )
            yield watch.error("feed_symbol" if "feed_symbol" in watch.data else "symbol", right)


def _fed(watch: Written, vendors: dict[str, str]) -> tuple[str, ...]:
    """What the feed is asked for: a symbol, or the two of a composite.

    Args:
        watch: whose feed.
        vendors: the vendor's name for each watched symbol that has one; a leg goes by that of its own watch.
    """
    if name := watch.text("feed_symbol"):
        return (name,)
    symbol = watch.text("symbol")
    legs = (legs_of(symbol) or (symbol,)) if symbol else ()
    return tuple(vendors.get(leg, leg) for leg in legs)


def _routes(config: Written) -> Iterator[Finding]:
    receivers = _names(config.tables("receiver"))
    for route in config.tables("route"):
        for name, spot in route.texts("receivers"):
            if name not in receivers:
                message = f'there is no [[receiver]] called "{name}": {_which(name, receivers)}'
                yield Finding(spot, message)
        yield from matches_nothing(config, route.table("match"), "so nothing goes here")


def _rules(watch: Written) -> list[str]:
    tables = (*watch.tables("level"), *watch.tables("zone"), *watch.tables("condition"))
    return [name for table in tables if (name := rule_name(table))]


def matches_nothing(config: Written, match: Written, outcome: str) -> Iterator[Finding]:
    """Patterns of `match` that fit no alert there can be; `outcome` says what comes of that."""
    watches = config.tables("watch")
    symbols = [symbol for watch in watches if (symbol := watch.text("symbol"))]
    rules = [name for watch in watches for name in _rules(watch)]
    types = [own.removeprefix(TYPE_PREFIX) for own in ALERT_TYPES]
    # What is about a feed has its name for a symbol.
    feeds = _names(config.tables("feed"))
    for key, known, others in (
        ("symbol", symbols, feeds),
        ("rule", rules, [FEED_RULE]),
        ("type", types, ALERT_TYPES),
    ):
        pattern = match.text(key)
        if pattern is not None and not any(fnmatchcase(name, pattern) for name in (*known, *others)):
            yield match.error(key, f'no {key} is called "{pattern}", {outcome}: {_which(pattern, known)}')


def _receivers(config: Written) -> Iterator[Finding]:
    routed = {name for route in config.tables("route") for name, _ in route.texts("receivers")}
    for receiver in config.tables("receiver"):
        name = receiver.text("name")
        if name and name not in routed:
            yield receiver.error("name", f'no route leads to "{name}": {_route_to(name, config)}')


def _route_to(name: str, config: Written) -> str:
    if config.tables("route"):
        return "name it in the receivers of a [[route]]"
    return f'write [[route]] and receivers = ["{name}"] under it'
