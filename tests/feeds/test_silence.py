"""When a connection counts as mute and a feed as stale: arithmetic, without a clock."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tapewatch.config import Watch
from tapewatch.feeds.silence import Listened, Look, Silence, listened
from tapewatch.market.ticks import NS, UNKNOWN_SYMBOL, empty_ticks

SPX, SPY, BTC, XLC = range(4)


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


OPEN, CLOSE = ns("2026-01-28 14:30:00"), ns("2026-01-28 21:00:00")
NOON = ns("2026-01-28 17:00:00")
NIGHT = ns("2026-01-28 06:00:00")


def watch(symbol: str, *instruments: int, **options: object) -> Listened:
    own = listened(Watch(symbol=symbol, **options), instruments)
    assert own is not None
    return own


def of(*instruments: int) -> np.ndarray:
    ticks = empty_ticks(len(instruments))
    ticks["symbol"] = instruments
    return ticks


class Feed:
    """A silence, and a market whose wall clock goes with the monotonic one from `start` on."""

    def __init__(self, *watches: Listened, start: int = NOON, connected: bool = True) -> None:
        self.silence = Silence(watches, 0.0)
        self.start = start
        if connected:
            self.silence.subscribed(0.0)

    def at(self, now: float) -> Look:
        return self.silence.look(now, self.start + int(now * NS))

    def tick(self, now: float, *instruments: int) -> None:
        self.silence.ticks(of(*instruments), now)

    def when(self, kind: str, start: float, end: float) -> float | None:
        """The first second at which there is something of that kind to tell."""
        seconds = (float(s) for s in range(int(start), int(end)))
        return next((now for now in seconds if getattr(self.at(now), kind) is not None), None)


BOTH = (watch("SPX", SPX), watch("SPY", SPY))


def test_half_a_minute_without_a_tick_of_the_feed_is_mute_and_stale() -> None:
    feed = Feed(*BOTH)
    feed.tick(10, SPY)
    assert feed.at(39.9) == Look(None, None, None)
    look = feed.at(40)
    assert str(look.mute) == "no tick of SPX, SPY for 30 s while XNYS trades"
    assert look.stale == look.mute
    assert feed.at(41) == Look(None, None, None), "said once"


def test_the_next_tick_of_any_symbol_is_the_feed_back() -> None:
    feed = Feed(*BOTH)
    feed.at(30)
    assert feed.silence.stale
    feed.tick(155, SPX)
    back = feed.at(155).back
    assert back is not None
    assert (back.seconds, back.missing) == (155, ())
    assert not feed.silence.stale
    assert feed.at(156) == Look(None, None, None)


def test_out_of_hours_silence_is_neither() -> None:
    feed = Feed(*BOTH, start=NIGHT)
    assert feed.when("mute", 0, 8 * 3600) is None
    assert feed.when("stale", 0, 8 * 3600) is None


def test_it_counts_from_the_opening_of_the_market() -> None:
    feed = Feed(*BOTH, start=OPEN - 100 * NS)
    assert feed.when("mute", 0, 1000) == 130


def test_a_market_that_never_shuts_does_not_open_at_midnight() -> None:
    feed = Feed(watch("BTC", BTC, calendar="24/7"), start=ns("2026-01-28 23:59:00"))
    feed.tick(40, BTC)
    feed.at(40)
    assert feed.when("stale", 41, 100) == 70


def test_extended_hours_count_where_a_watch_has_them() -> None:
    early = ns("2026-01-28 09:00:00") - 100 * NS  # 04:00 in New York
    assert Feed(*BOTH, start=early).when("stale", 0, 1000) is None
    assert Feed(*BOTH, watch("IWM", 7, hours="extended"), start=early).when("stale", 0, 1000) == 130


def test_it_ends_with_the_hours_but_stale_stays_stale_until_a_tick() -> None:
    feed = Feed(*BOTH, start=CLOSE - 40 * NS)
    assert feed.at(30).stale is not None
    feed.silence.subscribed(31)
    assert feed.when("mute", 31, 3600) is None
    feed.tick(17 * 3600, SPX)
    back = feed.at(17 * 3600).back
    assert back is not None
    assert back.seconds == 17 * 3600


def test_a_new_connection_has_its_own_thirty_seconds_but_the_feed_is_stale_all_the_same() -> None:
    feed = Feed(*BOTH)
    feed.silence.lost()
    feed.silence.subscribed(20)
    look = feed.at(30)
    assert look.stale is not None
    assert look.mute is None
    assert feed.at(50).mute is not None


def test_a_feed_that_is_away_is_stale_and_there_is_nothing_to_replace() -> None:
    feed = Feed(*BOTH, connected=False)
    assert feed.at(30).stale is not None
    assert feed.when("mute", 30, 1000) is None


def test_each_connection_that_brought_no_tick_doubles_the_limit_up_to_ten_minutes() -> None:
    feed = Feed(*BOTH)
    now, waits = 0.0, []
    for _ in range(8):
        feed.silence.subscribed(now)
        mute = feed.when("mute", now, now + 10_000)
        assert mute is not None
        waits.append(mute - now)
        now = mute
    assert waits == [30, 60, 120, 240, 480, 600, 600, 600]
    feed.silence.subscribed(now)
    feed.tick(now + 5, SPX)
    assert feed.when("mute", now, now + 1000) == now + 35


def test_a_connection_that_fell_silent_after_ticks_doubles_nothing() -> None:
    feed = Feed(*BOTH)
    feed.tick(5, SPX)
    assert feed.at(35).mute is not None
    feed.silence.subscribed(36)
    assert feed.when("mute", 36, 1000) == 66


def test_a_limit_of_its_own_is_judged_by_its_own_ticks() -> None:
    feed = Feed(*BOTH, watch("BTC/USD", BTC, calendar="24/7", max_silence="1m"))
    for now in range(0, 100, 5):
        feed.tick(now, SPX)
        look = feed.at(now)
        assert look == Look(None, None, None) or now == 60
        if now == 60:
            assert str(look.mute) == "no tick of BTC/USD for 1 min while 24/7 trades"


def test_a_halted_symbol_does_not_close_the_connection_again_and_again() -> None:
    feed = Feed(watch("SPX", SPX), watch("HALT", BTC, max_silence="1m"))
    replaced = []
    for now in range(4000):
        feed.tick(now, SPX)
        if feed.at(now).mute is not None:
            replaced.append(now)
            feed.silence.subscribed(now)
    assert np.diff([0, *replaced]).tolist() == [60, 120, 240, 480] + [600] * 5


def test_the_feed_as_a_whole_is_back_though_a_halted_symbol_is_not() -> None:
    feed = Feed(watch("SPX", SPX), watch("HALT", BTC, max_silence="1m"))
    assert feed.at(30).stale.symbols == ("SPX",)  # type: ignore[union-attr]
    assert feed.at(60).stale is None, "nothing has come since: that is told already"
    feed.tick(100, SPX)
    back = feed.at(100).back
    assert back is not None
    assert back.missing == ("HALT",)
    assert feed.silence.stale
    feed.tick(200, BTC, SPX)
    last = feed.at(200).back
    assert last is not None
    assert (last.missing, last.seconds) == ((), 200)


def test_a_second_silence_is_told_though_the_first_has_not_ended() -> None:
    feed = Feed(watch("SPX", SPX), watch("HALT", BTC, max_silence="10s"))
    feed.tick(10, SPX)
    assert feed.at(10).stale.symbols == ("HALT",)  # type: ignore[union-attr]
    feed.tick(20, SPX)
    assert feed.at(50).stale.symbols == ("SPX",)  # type: ignore[union-attr]


def test_a_quiet_symbol_is_no_storm_of_alerts_and_an_hour_later_as_good_as_new() -> None:
    feed = Feed(*BOTH)
    told = []
    for now in range(1, 3600):
        if now % 40 == 0:
            feed.tick(now, SPX)
        look = feed.at(now)
        told += [name for name in ("back", "stale") if getattr(look, name)]
    assert told == ["stale", "back"]  # the first time it took 30 s, from then on a minute
    for now in range(3600, 7200):
        feed.tick(now, SPX)
        feed.at(now)
    assert feed.when("stale", 7200, 7300) == 7199 + 30


def test_a_feed_that_falls_silent_again_and_again_is_told_each_time_later_up_to_ten_minutes() -> None:
    feed = Feed(*BOTH)
    took, now = [], 0.0
    for _ in range(7):
        stale = feed.when("stale", now, now + 1000)
        took.append(stale - now)
        now = stale + 1
        feed.tick(now, SPX)
        assert feed.at(now).back is not None
    assert took == [30, 60, 120, 240, 480, 600, 600]


def test_off_is_off() -> None:
    assert listened(Watch(symbol="SPX", max_silence="off"), [SPX]) is None
    feed = Feed(watch("SPX", SPX))
    feed.silence.watch([], 10)
    assert feed.when("stale", 0, 1000) is None


def test_ticks_of_either_leg_are_a_composites() -> None:
    feed = Feed(watch("XLC/SPY", XLC, SPY, max_silence="10s"))
    feed.tick(8, XLC)
    feed.tick(16, SPY)
    assert feed.at(25.9).mute is None
    assert feed.at(26).mute is not None


def test_ticks_that_nobody_watches_are_not_taken_for_anothers() -> None:
    feed = Feed(watch("XLC", XLC, max_silence="10s"))
    feed.tick(9, UNKNOWN_SYMBOL, SPX, 99)
    assert feed.at(10).mute is not None


def test_on_a_tape_the_market_goes_on_by_the_silence() -> None:
    silence = Silence(BOTH, 0.0, by_tape=True)
    silence.subscribed(0)
    assert silence.look(1000, 0) == Look(None, None, None), "nobody has told it the time"
    silence.ticks(of(SPX), 2000)
    assert silence.look(2029, NOON).mute is None
    assert silence.look(2030, NOON).mute is not None


@pytest.mark.parametrize(("clock", "mute"), [(CLOSE - 20 * NS, None), (OPEN - 5 * NS, 35)])
def test_on_a_tape_hours_end_and_begin_in_the_silence(clock: int, mute: float | None) -> None:
    silence = Silence(BOTH, 0.0, by_tape=True)
    silence.subscribed(0)
    silence.ticks(of(SPX), 0)
    looks = {float(now): silence.look(now, clock) for now in range(300)}
    assert next((now for now, look in looks.items() if look.mute), None) == mute


def test_a_changed_config_keeps_what_is_known() -> None:
    feed = Feed(watch("SPX", SPX), watch("HALT", BTC, max_silence="1m"))
    for now in range(0, 65, 5):
        feed.tick(now, SPX)
    assert feed.at(60).stale.symbols == ("HALT",)  # type: ignore[union-attr]
    feed.silence.subscribed(61)
    feed.silence.watch([*BOTH, watch("HALT", 12, max_silence="1m"), watch("NEW", 9, max_silence="1m")], 70)
    silent = [feed.at(now).mute for now in (90.9, 91.0)]
    assert [mute and mute.symbols for mute in silent] == [None, ("SPX", "SPY")]
    feed.tick(95, SPX)
    feed.silence.subscribed(95)
    assert feed.at(95).back.missing == ("HALT",)  # type: ignore[union-attr]
    feed.tick(96, 12)
    assert feed.at(96).back.missing == ()  # type: ignore[union-attr]
    feed.tick(125, SPX)
    assert feed.at(129).stale is None
    assert feed.at(130).stale.symbols == ("NEW",), "it is listened to from 70 on"  # type: ignore[union-attr]


def test_a_stale_symbol_that_is_no_longer_watched_leaves_the_feed_well() -> None:
    feed = Feed(watch("SPX", SPX), watch("HALT", BTC, max_silence="10s"))
    feed.tick(9, SPX)
    assert feed.at(10).stale is not None
    feed.silence.watch([watch("SPX", SPX)], 20)
    back = feed.at(21).back
    assert back is not None
    assert not feed.silence.stale
    assert feed.at(22).back is None
