"""Which alert goes to which receiver."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from tapewatch.alerts.alert import TYPE_PREFIX, Alert
from tapewatch.config import Config, Match, Route


def matches(match: Match, alert: Alert) -> bool:
    """Whether every key that `match` sets fits the alert.

    `symbol`, `rule` and `type` may hold `*` and `?` and tell upper from lower case; a `type` may leave out
    the `tapewatch.` that all types begin with (`level.*`).
    """
    return (
        _fits(match.symbol, alert.subject)
        and _fits(match.rule, alert.data.rule)
        and (_fits(match.type, alert.type) or _fits(match.type, alert.type.removeprefix(TYPE_PREFIX)))
        and match.severity in (None, alert.data.severity)
    )


def _fits(pattern: str | None, name: str) -> bool:
    return pattern is None or fnmatchcase(name, pattern)


def routes_for(config: Config, receiver: str) -> list[Route]:
    """The routes that lead to `receiver`."""
    return [route for route in config.route if receiver in route.receivers]


def wants(config: Config, receiver: str) -> Callable[[Alert], bool]:
    """A function that says whether an alert goes to `receiver`: whether any route to it matches."""
    routes = routes_for(config, receiver)
    return lambda alert: any(matches(route.match, alert) for route in routes)
