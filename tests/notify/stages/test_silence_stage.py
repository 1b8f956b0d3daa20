from stage_cases import fired, ns

from tapewatch.notify.silences import Silence
from tapewatch.notify.stages.silence import silenced_by

LUNCH = Silence(id="1unch", symbol="SPX", since_ns=ns("12:00:00"), until_ns=ns("13:00:00"), by="ann")
NOISE = Silence(id="n01se", rule="overbought", since_ns=ns("12:30:00"), until_ns=ns("20:00:00"), by="bob")


def test_the_first_silence_that_matches_is_named() -> None:
    overbought = fired("12:45:00 SPX overbought").alert
    assert silenced_by([LUNCH, NOISE], overbought, ns("12:45:00")) == "1unch"
    assert silenced_by([LUNCH, NOISE], overbought, ns("13:00:00")) == "n01se"


def test_what_no_silence_matches_goes_on() -> None:
    assert silenced_by([LUNCH, NOISE], fired("12:45:00 IWM breakout").alert, ns("12:45:00")) is None
    assert silenced_by([], fired("12:45:00 SPX breakout").alert, ns("12:45:00")) is None


def test_silences_go_by_this_machines_clock_not_by_the_event() -> None:
    assert silenced_by([LUNCH], fired("12:59:59 SPX breakout").alert, ns("13:00:01")) is None
