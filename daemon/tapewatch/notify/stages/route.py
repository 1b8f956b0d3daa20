"""The stage route: which alert goes to which receiver."""

from collections.abc import Callable

from tapewatch.alerts.alert import Alert
from tapewatch.config import Config, Route
from tapewatch.notify.matching import matches


def routes_for(config: Config, receiver: str) -> list[Route]:
    """The routes that lead to `receiver`."""
    return [route for route in config.route if receiver in route.receivers]


def wants(config: Config, receiver: str) -> Callable[[Alert], bool]:
    """A function that says whether an alert goes to `receiver`: whether any route to it matches."""
    routes = routes_for(config, receiver)
    return lambda alert: any(matches(route.match, alert) for route in routes)
