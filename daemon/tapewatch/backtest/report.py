"""The backtest as one HTML page: no script, nothing from elsewhere, and a policy that says so to the browser.

Names come from configs and files, and are never markup: jinja2 escapes all that it is given. The style sheet stands in
the page, and the policy names its digest.

Source: MDN, Content-Security-Policy: style-src (hash sources),
https://developer.mozilla.org/docs/Web/HTTP/Headers/Content-Security-Policy/style-src
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from tapewatch.alerts.alert import Alert
from tapewatch.backtest import drawing, words
from tapewatch.backtest.drawing import Histogram, PriceChart
from tapewatch.backtest.figures import Figures, RuleFigures, TypeFigures, WatchFigures
from tapewatch.backtest.outcomes import LONGEST
from tapewatch.backtest.run import Past
from tapewatch.config import Level, Zone

_loader = PackageLoader("tapewatch.backtest")
_page = Environment(
    loader=_loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class DrawnType:
    """One type of a rule's alerts, with its chart."""

    figures: TypeFigures
    spread: Histogram | None
    """Of the changes after the longest horizon."""


@dataclass(frozen=True)
class DrawnRule:
    """A rule that fired, with its charts."""

    anchor: str
    figures: RuleFigures
    hours: Histogram
    types: list[DrawnType]


@dataclass(frozen=True)
class DrawnWatch:
    """A watch with its charts."""

    anchor: str
    figures: WatchFigures
    price: PriceChart | None
    price_timeframe: str
    fired: list[DrawnRule]
    silent: list[RuleFigures]


def html(past: Past, figures: Figures) -> str:
    """The page."""
    css = _page.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return _page.get_template("report.html.j2").render(
        css=css,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        figures=figures,
        watches=_drawn(past, figures),
        words=words,
        longest=LONGEST,
        small=(drawing.SMALL_WIDTH, drawing.SMALL_HEIGHT),
        large=(drawing.WIDTH, drawing.HEIGHT),
    )


def _drawn(past: Past, figures: Figures) -> list[DrawnWatch]:
    rows = {watch.symbol: row for row, watch in enumerate(past.config.watch)}
    alerts: dict[str, list[Alert]] = {}
    for alert in past.alerts:
        alerts.setdefault(alert.subject, []).append(alert)
    return [
        _watch(past, rows[own.symbol], own, alerts.get(own.symbol, []), f"watch-{number}")
        for number, own in enumerate(figures.watches, 1)
    ]


def _watch(past: Past, row: int, own: WatchFigures, alerts: Sequence[Alert], anchor: str) -> DrawnWatch:
    watch = past.config.watch[row]
    finest = next((timeframe for timeframe, count in own.bars.items() if count), "")
    closed = past.closed.get((row, finest))
    places: list[Level | Zone] = [*watch.level, *watch.zone]
    calendar = past.layouts[row].watch.sessions
    fired = [rule for rule in own.rules if rule.alerts]
    shown = words.half_hours(words.all_hours(fired))
    return DrawnWatch(
        anchor=anchor,
        figures=own,
        price=None if closed is None else drawing.prices(closed.bars, alerts, places, calendar),
        price_timeframe=finest,
        fired=[
            DrawnRule(
                anchor=f"{anchor}-rule-{number}",
                figures=rule,
                hours=drawing.hours(rule.hours, shown),
                types=[_type(each, rule.timeframe) for each in rule.types],
            )
            for number, rule in enumerate(fired, 1)
        ],
        silent=[rule for rule in own.rules if not rule.alerts],
    )


def _type(own: TypeFigures, timeframe: str | None) -> DrawnType:
    if own.distribution is None:
        return DrawnType(own, None)
    return DrawnType(own, drawing.spread(own.distribution, f"{LONGEST} bars of {timeframe}"))
