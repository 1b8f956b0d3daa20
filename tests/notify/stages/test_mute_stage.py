import pytest
from stage_cases import desk, fired

from tapewatch.notify.stages.mute import is_muted

MUTE = desk(mute=[{"severity": "info", "symbol": "IWM"}, {"rule": "rsi*"}, {"type": "feed.*"}]).mute


@pytest.mark.parametrize(
    ("what", "changes", "muted"),
    [
        ("14:31:07 IWM breakout", {}, True),
        ("14:31:07 IWM breakout", {"severity": "critical"}, False),
        ("14:31:07 SPX breakout", {}, False),
        ("14:31:07 SPX rsi70", {"severity": "critical"}, True),
        ("14:31:07 tape feed", {"type": "tapewatch.feed.stale"}, True),
    ],
)
def test_what_any_of_the_mutes_says_in_full_is_muted(what: str, changes: dict, muted: bool) -> None:
    assert is_muted(MUTE, fired(what, **changes).alert) is muted


def test_without_mute_nothing_is() -> None:
    assert not is_muted([], fired("14:31:07 SPX breakout").alert)
