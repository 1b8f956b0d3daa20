"""Quiet hours: what the receiver of the cookbook's night gets, and when."""

from cookbook.cooking import Cook
from cookbook.tapes import NS
from tapewatch.alerts.alert import encode
from tapewatch.notify.delivery import Delivery, Now
from tapewatch.notify.stages import Pipeline
from tapewatch.notify.stages.route import wants

NIGHT = """2026-01-28 02:00 95400  03:30 94980  03:40 94100  04:00 93200  04:30 92300  05:00 91400  05:30 90500
    06:00 89990"""
"""In UTC: half past three is half past ten in the evening in New York."""
SEVEN = 1_769_601_600 * NS
"""12:00 UTC, 07:00 in New York."""


def test_a_night_is_one_alarm_and_a_digest_in_the_morning(cook: Cook) -> None:
    dish = cook("night")
    alerts = dish.alerts(NIGHT)
    assert [alert.data.text for alert in alerts] == dish.says

    stages = Pipeline(dish.config.receiver[0], wants(dish.config, "desk"), lambda: ())
    got = []
    moments = [int(alert.data.time_ns) for alert in alerts]
    offered = dict(zip(moments, alerts, strict=True))
    for at in sorted([*moments, *(at + 2 * NS for at in moments), SEVEN - NS, SEVEN]):
        now = Now(at / NS, at, lambda _, at=at: at)
        if alert := offered.get(at):
            stages.offer(Delivery(alert, encode(alert)), now)
        for kind, own in stages.due(now):
            got.append((at, str(kind), [each.alert.data.text for each in own]))
    alarm, digest = got
    assert alarm == (moments[2] + 2 * NS, "alerts", dish.says[2:])
    assert digest == (SEVEN, "digest", dish.says[:2])


def test_a_price_that_stays_over_95_000_wakes_nobody(cook: Cook) -> None:
    assert cook("night").told("2026-01-28 02:00 95400  03:30 95000  06:00 95900") == []
