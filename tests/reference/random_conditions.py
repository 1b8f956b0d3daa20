"""Random conditions out of the grammar, about prices of quarters of a point around 7,000. For Hypothesis.

Numbers that indicators are compared with have odd decimals, so that rounding does not decide.
"""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from reference.random_tapes import Scene
from reference.ticks import NS
from tapewatch.alerts.conditions import ConditionError, parse

PRICES = [
    "price",
    "sma(3)@1m",
    "sma(8)@1m",
    "sma(4)@5m",
    "ema(5)@1m",
    "ema(3)@5m",
    "bb(4,2).upper@1m",
    "bb(8,1.5).lower@1m",
    "bb(4,2).middle@5m",
    "vwap",
    "open@1m",
    "close@1m",
    "high@5m",
    "low@5m",
    "session.open",
    "session.high",
    "session.low",
    "close@1d",
    "sma(2)@1d",
    "previous.high",
    "previous.low",
    "previous.close",
]
LEVELS = ["6995", "6999.5", "7000", "7001.25", "7004", "6990.75"]

OTHERS = {
    "rsi(2)@1d": ["31.37", "50.07", "68.73"],
    "roc(1)@1d": ["-0.0173", "0.00131", "0.0237"],
    "rsi(2)@1m": ["31.37", "50.07", "68.73"],
    "rsi(5)@1m": ["37.31", "50.07", "62.93"],
    "rsi(3)@5m": ["37.31", "50.07", "62.93"],
    "macd(2,4,3)@1m": ["-0.137", "0.0131", "0.313"],
    "macd(2,4,3).hist@1m": ["-0.137", "0.0131", "0.313"],
    "roc(3)@1m": ["-0.0173", "0.00131", "0.0237"],
    "atr(3)@1m": ["1.037", "2.613", "4.077"],
    "volume@1m": ["150", "200", "350"],
    "change(5m)": ["-0.0313", "0.00713", "0.0371"],
    "change(30m)": ["-0.0713", "0.00713", "0.0713"],
}

OSCILLATORS = ["rsi(2)@1m", "rsi(3)@1m", "macd(2,4,3).hist@1m", "rsi(2)@1d"]

prices = st.sampled_from(PRICES)
moving_prices = st.sampled_from(PRICES[1:])
levels = st.sampled_from(LEVELS)
others = st.sampled_from(sorted(OTHERS))
ways = st.sampled_from(["crosses", "crosses above", "crosses below"])
signs = st.sampled_from([">", ">=", "<", "<="])
ranges = st.sampled_from([("6995", "7000"), ("6999.5", "7001.25"), ("6990", "6999")])


@st.composite
def two_prices(draw: st.DrawFn) -> tuple[str, str]:
    left = draw(st.one_of(st.just("price"), prices))
    return left, draw(st.one_of(levels, moving_prices).filter(lambda right: right != left))


@st.composite
def other_and_number(draw: st.DrawFn) -> tuple[str, str]:
    left = draw(others)
    return left, draw(st.sampled_from(OTHERS[left]))


@st.composite
def price_crosses(draw: st.DrawFn) -> str:
    return f"price {draw(ways)} {draw(st.one_of(levels, moving_prices))}"


@st.composite
def other_crosses(draw: st.DrawFn) -> str:
    left, right = draw(st.one_of(two_prices(), other_and_number()))
    return f"{left} {draw(ways)} {right}"


verbs = st.sampled_from(["enters", "leaves"])


@st.composite
def price_spans(draw: st.DrawFn) -> str:
    low, high = draw(ranges)
    return f"price {draw(verbs)} {low} to {high}"


@st.composite
def other_spans(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        low, high = draw(ranges)
        return f"{draw(moving_prices)} {draw(verbs)} {low} to {high}"
    left = draw(others)
    first = draw(st.sampled_from([0, 1]))
    return f"{left} {draw(verbs)} {OTHERS[left][first]} to {OTHERS[left][first + 1]}"


@st.composite
def divergences(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["", "regular", "hidden"]))
    side = draw(st.sampled_from(["", "", "bullish", "bearish"]))
    forming = draw(st.sampled_from(["", "forming"]))
    return " ".join(filter(None, (draw(st.sampled_from(OSCILLATORS)), "diverges", kind, side, forming)))


@st.composite
def states(draw: st.DrawFn) -> str:
    left, right = draw(st.one_of(two_prices(), two_prices(), other_and_number()))
    form = draw(st.sampled_from(["compare", "compare", "within", "within %", "moves"]))
    if form == "compare":
        return f"{left} {draw(signs)} {right}"
    if form == "within" and left not in OTHERS:
        return f"{left} within {draw(st.sampled_from(['1.5', '2.25', '6']))} of {right}"
    if form == "within %" and left not in OTHERS:
        return f"{left} within {draw(st.sampled_from(['0.0137', '0.0311']))}% of {right}"
    way, by = draw(st.sampled_from(["up", "down"])), draw(st.sampled_from(["0.0137", "0.0713"]))
    return f"price {way} {by}% in {draw(st.sampled_from(['1m', '5m', '30m']))}"


events = st.one_of(price_crosses(), other_crosses(), price_spans(), other_spans(), divergences())


def is_allowed(when: str) -> bool:
    """Whether the program takes it: it refuses states that are never both true."""
    with suppress(ConditionError):
        parse(when)
        return True
    return False


@st.composite
def whens(draw: st.DrawFn) -> str:
    """An event with up to two states, or up to three states, in any order."""
    parts = draw(st.lists(states(), max_size=2))
    parts.append(draw(st.one_of(events, events, states())))
    return " and ".join(draw(st.permutations(parts)))


def _later(scene: Scene, *minutes: int) -> list[int]:
    """So many minutes after the scene's first day begins, then the same on its second."""
    return [day + 60 * NS * each for day in (scene.begins, scene.goes_on) for each in minutes]


def windows(scene: Scene) -> st.SearchStrategy[str]:
    times = _later(scene, 4, 31)
    return st.sampled_from(
        [f"{scene.clock(begin)}-{scene.clock(end)}" for begin, end in (times[:2], times[2:])]
        + ["09:30-16:00"]
    )


def expiries(scene: Scene) -> st.SearchStrategy[date]:
    moments = [datetime.fromtimestamp(moment / NS, UTC) for moment in _later(scene, 47)]
    return st.sampled_from([*moments, moments[0].date()])


@st.composite
def conditions(draw: st.DrawFn, scene: Scene) -> dict[str, Any]:
    """A table `[[watch.condition]]` without a name."""
    when = draw(whens().filter(is_allowed))
    condition: dict[str, Any] = {"when": when}
    diverges = "diverges" in when
    if not diverges and draw(st.booleans()):
        condition["on"] = draw(st.sampled_from(["tick", "tick", "1m", "5m", "1d"]))
    frequencies = ["always", "once per bar", "once per session", "once"]
    frequency = draw(st.one_of(st.none(), st.sampled_from(frequencies)))
    lasting = draw(st.one_of(st.none(), st.none(), st.sampled_from(["1s", "30s", "1m", "7m"])))
    hours = draw(st.one_of(st.none(), st.none(), windows(scene)))
    expires = draw(st.one_of(st.none(), st.none(), expiries(scene)))
    optional = {
        "frequency": frequency,
        "for": None if diverges else lasting,
        "hours": hours,
        "expires": expires,
    }
    return condition | {key: value for key, value in optional.items() if value is not None}
