import time
from collections.abc import Sequence
from typing import Any

from stage_cases import desk, fired, now, ns, said

from tapewatch.alerts.alert import Alert
from tapewatch.config import Webhook
from tapewatch.notify.delivery import Ended
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.silences import Silence
from tapewatch.notify.stages import Pipeline

USUAL = {"group_wait": "1s", "cooldown": "1m", "stale_after": "15m"}
"""What a receiver has whose table says nothing of it."""

LUNCH = Silence(id="1unch", symbol="IWM", since_ns=ns("12:00:00"), until_ns=ns("13:00:00"), by="ann")


def pipeline(silences: Sequence[Silence] = (), **keys: Any) -> Pipeline:
    return Pipeline(desk(**keys), lambda _: True, lambda: silences)


def hook(silences: Sequence[Silence] = ()) -> Pipeline:
    """To a program."""
    receiver = Webhook(name="bot", kind="webhook", mute=desk(mute=[{"rule": "noise"}]).mute)
    return Pipeline(receiver, lambda _: True, lambda: silences)


def offer(stages: Pipeline, what: str, at: str | None = None, **changes: Any) -> Ended | None:
    """At its own time, unless `at` says otherwise."""
    return stages.offer(fired(what, **changes), now(at or what.split()[0]))


def test_an_alert_leaves_once_in_a_message() -> None:
    stages = pipeline()
    assert stages.wake(now("14:31:07")) is None
    assert offer(stages, "14:31:07 SPX breakout") is None
    assert stages.wake(now("14:31:07")) == 0
    assert said(stages.due(now("14:31:07"))) == [("alerts", "14:31:07 SPX breakout")]
    assert stages.due(now("14:31:08")) == []
    assert stages.wake(now("14:31:08")) is None


def test_an_alert_that_goes_no_further_says_why() -> None:
    stages = pipeline([LUNCH], mute=[{"severity": "info"}])
    delivery = fired("12:30:00 SPX breakout")
    assert stages.offer(delivery, now("12:30:00")) == Ended(delivery, Outcome.MUTED)
    delivery = fired("12:30:00 IWM breakout", severity="critical")
    assert stages.offer(delivery, now("12:30:00")) == Ended(delivery, Outcome.SILENCED, "1unch")
    assert stages.offer(delivery, now("13:00:00")) is None
    stages.wants = lambda alert: alert.subject == "SPX"
    assert stages.offer(delivery, now("13:00:00")) == Ended(delivery, Outcome.NOT_ROUTED)


def test_routes_that_change_hold_from_the_next_alert_on() -> None:
    def spy_alone(alert: Alert) -> bool:
        return alert.subject == "SPY"

    stages = pipeline(group_wait="1s")
    offer(stages, "14:31:07 SPX breakout")
    stages.wants = spy_alone
    assert offer(stages, "14:31:07.5 SPX support") is not None
    assert said(stages.due(now("14:31:08"))) == [("alerts", "14:31:07 SPX breakout")]


def test_a_silence_lifted_lets_alerts_pass() -> None:
    silences = [LUNCH]
    stages = Pipeline(desk(), lambda _: True, lambda: silences)
    assert offer(stages, "12:30:00 IWM breakout") is not None
    silences.clear()
    assert offer(stages, "12:30:01 IWM breakout") is None


def test_a_dead_letter_resent_passes_no_stage() -> None:
    stages = pipeline([LUNCH], mute=[{"rule": "*"}], quiet="00:00-23:59", **USUAL)
    stages.wants = lambda _: False
    offer(stages, "12:01:00 IWM breakout", "12:30:00", resent=True)
    offer(stages, "12:01:01 IWM breakout", "12:30:00", resent=True)
    assert said(stages.due(now("12:30:00"))) == [
        ("alerts", "12:01:00 IWM breakout"),
        ("alerts", "12:01:01 IWM breakout"),
    ]


def test_a_program_gets_each_alert_at_once() -> None:
    bot = hook([LUNCH])
    for what in ("09:31:00 SPX breakout", "14:31:00 SPX breakout", "14:31:00 SPX breakout"):
        offer(bot, what, "14:31:00")
    assert bot.wake(now("14:31:00")) == 0
    assert said(bot.due(now("14:31:00"))) == [
        ("alerts", "09:31:00 SPX breakout"),
        ("alerts", "14:31:00 SPX breakout"),
        ("alerts", "14:31:00 SPX breakout"),
    ]
    assert bot.wake(now("14:31:00")) is None
    assert bot.flush(now("14:31:00")) == []
    assert offer(bot, "12:30:00 IWM breakout").outcome is Outcome.SILENCED
    assert offer(bot, "12:30:00 SPX noise").outcome is Outcome.MUTED


def test_the_usual_receiver() -> None:
    """Price breaks out, dances on the level, and the hour confirms it."""
    stages = pipeline(**USUAL)
    offer(stages, "14:58:00 SPX breakout")
    offer(stages, "14:58:00 SPX overbought")
    assert stages.wake(now("14:58:00")) == 1
    assert said(stages.due(now("14:58:01"))) == [
        ("alerts", "14:58:00 SPX breakout", "14:58:00 SPX overbought")
    ]
    offer(stages, "14:58:20 SPX breakout")
    offer(stages, "14:58:40 SPX breakout")
    assert stages.due(now("14:58:41")) == []
    assert said(stages.due(now("14:59:00"))) == [
        ("summary", "14:58:20 SPX breakout", "14:58:40 SPX breakout")
    ]
    offer(stages, "15:00:00 SPX breakout", follows="14:58:40 SPX breakout")
    assert said(stages.due(now("15:00:00"))) == [("alerts", "15:00:00 SPX breakout")]


def test_one_that_waited_alone_is_an_ordinary_alert() -> None:
    stages = pipeline(**USUAL)
    offer(stages, "14:31:00 SPX breakout")
    stages.due(now("14:31:01"))
    offer(stages, "14:31:30 SPX breakout")
    assert stages.due(now("14:32:00")) == []  # in the group
    offer(stages, "14:32:00.5 SPX overbought")
    assert said(stages.due(now("14:32:01"))) == [
        ("alerts", "14:31:30 SPX breakout", "14:32:00.5 SPX overbought")
    ]


def test_a_confirmation_takes_along_what_waited() -> None:
    stages = pipeline(**USUAL)
    offer(stages, "14:59:30 SPX breakout")
    offer(stages, "14:59:50 SPX breakout")
    offer(stages, "15:00:00 SPX breakout", follows="14:59:50 SPX breakout")
    assert said(stages.due(now("15:00:00"))) == [
        ("alerts", "14:59:30 SPX breakout"),
        ("summary", "14:59:50 SPX breakout", "15:00:00 SPX breakout"),
    ]


def test_after_an_outage_old_alerts_are_one_digest_and_those_of_now_come_as_always() -> None:
    stages = pipeline(**USUAL)
    for minute in range(30):
        offer(stages, f"13:{minute:02}:00 SPX breakout", "14:31:00")
    offer(stages, "14:31:00 IWM support")
    digest, fresh = said(stages.due(now("14:31:01"))), ("alerts", "14:31:00 IWM support")
    assert sorted(each[0] for each in digest) == ["alerts", "digest"]
    assert fresh in digest
    assert ("digest", *(f"13:{minute:02}:00 SPX breakout" for minute in range(30))) in digest


def test_a_new_alert_does_not_overtake_the_old_ones_of_its_rule() -> None:
    stages = pipeline(**USUAL | {"group_wait": "0s"})
    offer(stages, "13:00:00 SPX breakout", "14:31:00")
    offer(stages, "13:00:01 IWM support", "14:31:00")
    offer(stages, "14:31:00 SPX breakout")
    assert said(stages.due(now("14:31:00"))) == [
        ("digest", "13:00:00 SPX breakout", "13:00:01 IWM support"),
        ("alerts", "14:31:00 SPX breakout"),
    ]


def test_an_old_alert_does_not_overtake_those_of_its_rule_that_wait() -> None:
    stages = pipeline(**USUAL)
    offer(stages, "14:31:00 SPX breakout")
    offer(stages, "14:31:30 SPX breakout")
    offer(stages, "13:00:00 SPX breakout", "14:31:40")  # found in history
    assert said(stages.due(now("14:31:50"))) == [("alerts", "14:31:00 SPX breakout")]
    assert said(stages.due(now("14:32:00"))) == [
        ("summary", "14:31:30 SPX breakout", "13:00:00 SPX breakout")
    ]


def test_in_quiet_hours_critical_alerts_come_and_the_others_when_they_end() -> None:
    stages = pipeline(quiet="06:00-07:00", **USUAL)
    offer(stages, "06:10:00 SPX overbought")
    offer(stages, "06:20:00 IWM support", severity="warning")
    offer(stages, "06:30:00 SPX breakout", severity="critical")
    assert said(stages.due(now("06:30:01"))) == [("alerts", "06:30:00 SPX breakout")]
    assert stages.due(now("06:59:59.5")) == []
    assert stages.wake(now("06:59:59.5")) == 0.5
    offer(stages, "07:00:00 SPX overbought")
    assert said(stages.due(now("07:00:01"))) == [
        ("digest", "06:10:00 SPX overbought", "06:20:00 IWM support"),
        ("alerts", "07:00:00 SPX overbought"),
    ]


def test_what_waits_when_quiet_hours_begin_waits_on() -> None:
    stages = pipeline(quiet="06:00-07:00", **USUAL)
    offer(stages, "05:59:30 SPX overbought")
    stages.due(now("05:59:31"))
    offer(stages, "05:59:50 SPX overbought")
    offer(stages, "05:59:55 SPX overbought")
    offer(stages, "05:59:59 IWM support")
    offer(stages, "05:59:59 IWM breakout", severity="critical")
    offer(stages, "06:00:10 SPX overbought")
    assert said(stages.due(now("06:00:30"))) == [("alerts", "05:59:59 IWM breakout")]
    assert said(stages.due(now("07:00:00"))) == [
        (
            "digest",
            "05:59:50 SPX overbought",
            "05:59:55 SPX overbought",
            "05:59:59 IWM support",
            "06:00:10 SPX overbought",
        )
    ]


def test_what_waits_since_before_the_quiet_hours_is_not_overtaken_when_they_end() -> None:
    stages = pipeline(quiet="06:00-06:05", cooldown="1h")
    offer(stages, "05:59:30 SPX overbought")
    offer(stages, "05:59:50 SPX overbought")
    offer(stages, "06:01:00 SPX overbought")
    assert said(stages.due(now("06:05:00"))) == [("alerts", "05:59:30 SPX overbought")]
    assert said(stages.due(now("06:59:30"))) == [
        ("summary", "05:59:50 SPX overbought", "06:01:00 SPX overbought")
    ]


def test_old_alerts_are_not_overtaken_by_those_of_quiet_hours_that_nobody_looked_after() -> None:
    """A message may fail, and be tried again, for longer than the quiet hours."""
    stages = pipeline(quiet="06:00-06:01", **USUAL)
    offer(stages, "05:00:00 SPX overbought", "05:59:59")
    offer(stages, "06:00:30 SPX overbought")
    assert said(stages.due(now("06:10:00"))) == [
        ("digest", "05:00:00 SPX overbought", "06:00:30 SPX overbought")
    ]


def test_a_digest_begins_the_cooldown_of_its_rules() -> None:
    stages = pipeline(quiet="06:00-07:00", **USUAL)
    offer(stages, "06:59:50 SPX overbought")
    offer(stages, "07:00:05 SPX overbought")
    assert said(stages.due(now("07:00:10"))) == [("digest", "06:59:50 SPX overbought")]
    stages.due(now("07:00:51"))
    assert said(stages.due(now("07:00:52"))) == [("alerts", "07:00:05 SPX overbought")]


def test_a_stop_sends_what_waits_but_lets_people_sleep() -> None:
    stages = pipeline(quiet="06:00-07:00", **USUAL)
    offer(stages, "06:10:00 SPX overbought")
    offer(stages, "06:10:00 SPX breakout", severity="critical")
    stages.due(now("06:10:01"))
    offer(stages, "06:10:02 SPX breakout", severity="critical")
    offer(stages, "06:10:03 SPX breakout", severity="critical")
    offer(stages, "06:10:03 IWM support", severity="critical")
    assert said(stages.flush(now("06:10:03"))) == [
        ("summary", "06:10:02 SPX breakout", "06:10:03 SPX breakout"),
        ("alerts", "06:10:03 IWM support"),
    ]
    assert stages.flush(now("06:10:03")) == []
    assert said(stages.due(now("07:00:00"))) == [("digest", "06:10:00 SPX overbought")]


def test_a_night_of_many_alerts_is_digests_that_a_person_can_read() -> None:
    stages = pipeline(quiet="00:00-07:00")
    for number in range(450):
        offer(stages, f"03:00:00 S{number} breakout")
    digests = said(stages.due(now("07:00:00")))
    assert [(each[0], len(each) - 1) for each in digests] == [
        ("digest", 200),
        ("digest", 200),
        ("digest", 50),
    ]


def test_ten_thousand_alerts_are_no_work() -> None:
    """Of one rule, of many, and held for the night: the time to offer grows with their number, not faster."""
    for keys in (USUAL, USUAL | {"group_wait": "5m", "cooldown": "1h"}, USUAL | {"quiet": "00:00-23:59"}):
        stages = pipeline(**keys)
        deliveries = [fired(f"14:31:00 S{number % 5000} breakout") for number in range(10_000)]
        began = time.process_time()
        for number, delivery in enumerate(deliveries):
            at = now("14:31:00")._replace(monotonic=number / 1000)
            assert stages.offer(delivery, at) is None
            if number % 100 == 0:
                stages.due(at)
        assert time.process_time() - began < 1
