"""The picture that goes along with a made-up alert: a made-up hour that ends where it fired."""

import math

from tapewatch.alerts.alert import Alert
from tapewatch.charts.chart import Chart, Mark, Place
from tapewatch.market.ticks import NS

_BARS = 60
_MINUTE = 60


def picture(alert: Alert) -> bytes:
    """The PNG. The first one takes a second, since the library that draws is loaded for it."""
    from tapewatch.charts.draw import png

    return png(chart(alert), dark=False, focus=alert.id)


def chart(alert: Alert) -> Chart:
    """Minute bars that rise to the alert's price; of an alert that has a price and a level."""
    data = alert.data
    price = data.price or 100.0
    level = data.level if isinstance(data.level, float) else price
    closes = [_close(price, number) for number in range(_BARS)]
    opens = [_close(price, -1), *closes[:-1]]
    end = int(data.time_ns) // NS
    mark = Mark(
        id=alert.id,
        time=end,
        price=price,
        type=alert.type,
        rule=data.rule,
        direction=data.direction,
        severity=data.severity,
        text=data.text,
    )
    return Chart(
        symbol=alert.subject,
        title=data.title,
        zone=data.zone,
        timeframe="1m",
        timeframes=["1m"],
        time=[(end // _MINUTE - _BARS + 1 + number) * _MINUTE for number in range(_BARS)],
        open=opens,
        high=[max(pair) * 1.0002 for pair in zip(opens, closes, strict=True)],
        low=[min(pair) * 0.9998 for pair in zip(opens, closes, strict=True)],
        close=closes,
        volume=[1000.0] * _BARS,
        values={},
        forming=True,
        places=[Place(name=data.rule, role=data.role, low=level, high=level)],
        marks=[mark],
        joins=[],
    )


def _close(price: float, number: int) -> float:
    """Of the bar of that number: the last one's is `price`."""
    left = _BARS - 1 - number
    return price * (1 - 0.00012 * left + 0.0012 * (math.cos(left / 4) - 1) * min(1, left / 10))
