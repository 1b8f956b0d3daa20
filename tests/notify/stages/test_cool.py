from stage_cases import fired, names, now, queued, seconds

from tapewatch.notify.delivery import Now
from tapewatch.notify.stages.cool import LOOK_PERIOD, Cool


def offered(cool: Cool, what: str, at: Now | None = None, **changes: object) -> list[str]:
    """What goes on when that is offered, at its own time unless `at` says otherwise."""
    (each,) = queued(fired(what, **changes))
    return names(cool.offer(each, at or now(what.split()[0])))


def due(cool: Cool, at: Now) -> list[list[str]]:
    return [names(each) for each in cool.due(at)]


def test_the_first_passes_further_ones_wait_until_the_cooldown_is_over() -> None:
    cool = Cool("1m")
    assert offered(cool, "14:31:00 SPX breakout") == ["14:31:00 SPX breakout"]
    assert offered(cool, "14:31:10 SPX breakout") == []
    assert offered(cool, "14:31:50 SPX breakout") == []
    assert cool.holds(("SPX", "breakout"))
    assert due(cool, now("14:31:59.9")) == []
    assert due(cool, now("14:32:00.2")) == [["14:31:10 SPX breakout", "14:31:50 SPX breakout"]]
    assert not cool.holds(("SPX", "breakout"))
    assert cool.wake(now("14:33:00")) is None


def test_after_the_cooldown_the_next_passes() -> None:
    cool = Cool("1m")
    offered(cool, "14:31:00 SPX breakout")
    assert offered(cool, "14:32:00 SPX breakout") == ["14:32:00 SPX breakout"]
    assert offered(cool, "14:32:59 SPX breakout") == []


def test_each_rule_of_each_symbol_cools_by_itself() -> None:
    cool = Cool("1m")
    for what in ("14:31:00 SPX breakout", "14:31:01 SPX support", "14:31:02 IWM breakout"):
        assert offered(cool, what) == [what]


def test_0s_switches_it_off() -> None:
    cool = Cool("0s")
    for what in ("14:31:00 SPX breakout", "14:31:00 SPX breakout", "14:31:01 SPX breakout"):
        assert offered(cool, what) == [what]
    assert cool.wake(now("14:31:01")) is None


def test_what_waited_begins_a_cooldown_when_it_is_told() -> None:
    cool = Cool("1m")
    offered(cool, "14:31:00 SPX breakout")
    offered(cool, "14:31:30 SPX breakout")
    assert due(cool, now("14:32:00")) == [["14:31:30 SPX breakout"]]
    assert offered(cool, "14:32:30 SPX breakout") == []
    assert due(cool, now("14:32:59.5")) == []
    assert due(cool, now("14:33:00")) == [["14:32:30 SPX breakout"]]


def test_a_level_that_price_dances_on_is_a_message_a_minute() -> None:
    cool = Cool("1m")
    told = 0
    for second in range(0, 600, 5):
        at = f"14:{31 + second // 60}:{second % 60:02}"
        told += len(due(cool, now(at))) + bool(offered(cool, f"{at} SPX breakout", severity="critical"))
    assert told == 10


def test_a_tape_that_is_played_fast_ends_the_cooldown_by_its_own_clock() -> None:
    cool = Cool("1m")
    offered(cool, "09:31:00 SPX breakout", now("14:00:00", feed="09:31:00"))
    offered(cool, "09:31:30 SPX breakout", now("14:00:00.5", feed="09:31:30"))
    assert due(cool, now("14:00:00.9", feed="09:31:54")) == []
    assert due(cool, now("14:00:01.2", feed="09:32:12")) == [["09:31:30 SPX breakout"]]


def test_a_feed_that_stands_still_does_not_hold_them_for_ever() -> None:
    cool = Cool("1m")
    offered(cool, "14:31:00 SPX breakout")
    offered(cool, "14:31:10 SPX breakout")
    assert due(cool, now("14:31:59", feed="14:31:10")) == []
    assert due(cool, now("14:32:00", feed="14:31:10")) == [["14:31:10 SPX breakout"]]


def test_a_backlog_is_read_before_what_waited_is_told() -> None:
    cool = Cool("1m")
    late = now("15:00:00")
    assert offered(cool, "14:31:00 SPX breakout", late) == ["14:31:00 SPX breakout"]
    assert offered(cool, "14:31:20 SPX breakout", late) == []
    assert offered(cool, "14:35:00 SPX breakout", now("15:00:00.1")) == []
    assert cool.wake(now("15:00:00.1")) == seconds("15:00:00") + LOOK_PERIOD - seconds("15:00:00.1")
    assert due(cool, now("15:00:00.3")) == [["14:31:20 SPX breakout", "14:35:00 SPX breakout"]]


def test_an_answer_does_not_wait_and_begins_no_cooldown() -> None:
    cool = Cool("1m")
    offered(cool, "14:59:50 SPX breakout")
    assert offered(cool, "15:00:00 SPX breakout", follows="x") == ["15:00:00 SPX breakout"]
    assert offered(cool, "15:00:50 SPX breakout") == ["15:00:50 SPX breakout"]


def test_nothing_is_confirmed_before_it_is_told() -> None:
    cool = Cool("1m")
    offered(cool, "14:59:30 SPX breakout")
    offered(cool, "14:59:50 SPX breakout")
    assert offered(cool, "15:00:00 SPX breakout", follows="14:59:50 SPX breakout") == [
        "14:59:50 SPX breakout",
        "15:00:00 SPX breakout",
    ]
    assert offered(cool, "15:00:30 SPX breakout") == []  # people were told half a minute ago


def test_a_digest_begins_a_cooldown() -> None:
    cool = Cool("1m")
    cool.note(queued(fired("06:59:50 SPX breakout"), fired("06:59:55 IWM support")), now("07:00:00"))
    assert offered(cool, "07:00:05 SPX breakout") == []
    assert offered(cool, "07:00:55 IWM support") == ["07:00:55 IWM support"]


def test_an_alert_of_a_digest_that_was_found_late_takes_nothing_from_the_cooldown() -> None:
    cool = Cool("1m")
    cool.note(queued(fired("06:59:55 SPX breakout"), fired("03:00:00 SPX breakout")), now("07:00:00"))
    assert offered(cool, "07:00:05 SPX breakout") == []


def test_it_looks_at_the_feeds_clocks_four_times_a_second() -> None:
    cool = Cool("1m")
    offered(cool, "14:31:00 SPX breakout")
    assert cool.wake(now("14:31:00")) is None
    offered(cool, "14:31:10 SPX breakout")
    assert cool.wake(now("14:31:10")) == LOOK_PERIOD
    due(cool, now("14:31:10.3"))
    assert cool.wake(now("14:31:10.3")) == LOOK_PERIOD


def test_rules_long_past_are_forgotten() -> None:
    cool = Cool("1m")
    for minute in range(60):
        offered(cool, f"14:{minute:02}:00 SPX breakout")  # it keeps none of the others
        for symbol in range(100):
            offered(cool, f"14:{minute:02}:00 S{minute}-{symbol} breakout")
        due(cool, now(f"14:{minute:02}:01"))
    assert len(cool._rules) <= 200
