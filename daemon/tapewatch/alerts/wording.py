"""What an alert says to people, in one sentence."""

from tapewatch.engine import events as ev

_ZONE_WORDS = {
    ev.ENTERED_FROM_BELOW: "entered {zone} from below",
    ev.ENTERED_FROM_ABOVE: "entered {zone} from above",
    ev.BROKE_ABOVE: "broke above {zone}",
    ev.BROKE_BELOW: "broke below {zone}",
    ev.REJECTED_DOWN: "was rejected at {zone} and fell back below it",
    ev.REJECTED_UP: "bounced off {zone} and is back above it",
    ev.JUMPED_UP: "jumped up over {zone}",
    ev.JUMPED_DOWN: "jumped down through {zone}",
}


def number(value: float) -> str:
    """A level for people: thousands separated, two decimals, none when it is whole: `6,950.25`, `7,000`."""
    return f"{value:,.0f}" if value == round(value) else price(value)


def price(value: float) -> str:
    """The price of a tick or a close: two decimals always."""
    return f"{value:,.2f}"


def place(low: float, high: float) -> str:
    """A level, or a zone with an en dash: `7,000`, `6,950–6,970`."""
    return number(low) if low == high else f"{number(low)}–{number(high)}"


def passage(kind: int, where: str) -> str:
    """What price did at a level or zone, as the end of a sentence: `crossed above 7,000`."""
    if kind in (ev.CROSSED_UP, ev.CROSSED_DOWN):
        return f"crossed {'above' if kind == ev.CROSSED_UP else 'below'} {where}"
    return _ZONE_WORDS[kind].format(zone=where)


def spoken(value_name: str) -> str:
    """An indicator as people write it, with its timeframe: `rsi(14)@1d` is `RSI(14)@1d`."""
    name, _, timeframe = value_name.partition("@")
    kind, _, rest = name.partition("(")
    return f"{kind.upper()}({rest.replace('.hist', ' histogram').replace('.signal', ' signal')}@{timeframe}"
