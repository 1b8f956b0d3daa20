from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tapewatch.config import Receiver
from tapewatch.notify.stages import Limit, limit_of
from tapewatch.values import NS, rate


def test_as_many_as_the_rate_says_go_at_once_the_next_waits_for_the_first_to_pass() -> None:
    limit = Limit("2/s")
    assert limit.pause(10.0) == 0
    limit.sent(10.0)
    assert limit.pause(10.3) == 0
    limit.sent(10.3)
    assert limit.pause(10.5) == 0.5
    assert limit.pause(11.0) == 0
    limit.sent(11.0)
    assert limit.pause(11.0) == pytest.approx(0.3)


def test_without_a_rate_nothing_waits() -> None:
    limit = Limit(None)
    for _ in range(1000):
        assert limit.pause(10.0) == 0
        limit.sent(10.0)


@pytest.mark.parametrize(
    ("table", "pause"),
    [
        ({"kind": "slack"}, 1.0),
        ({"kind": "slack", "rate": "1/m"}, 60.0),
        ({"kind": "console"}, 0.0),
        ({"kind": "webhook", "rate": "1/h"}, 3600.0),
        ({"kind": "webhook"}, 0.0),
    ],
)
def test_slack_takes_a_message_a_second_unless_the_config_says_otherwise(
    table: dict[str, Any], pause: float
) -> None:
    limit = limit_of(TypeAdapter(Receiver).validate_python({"name": "desk"} | table))
    limit.sent(10.0)
    assert limit.pause(10.0) == pause


@given(
    st.sampled_from(["1/s", "3/s", "20/m", "7/m", "2/h"]),
    st.lists(st.floats(0, 30, allow_nan=False), max_size=80),
)
def test_no_span_ever_has_more_than_the_rate_says(text: str, gaps: list[float]) -> None:
    count, span_ns = rate(text)
    limit, time, sent = Limit(text), 1000.0, []
    for gap in gaps:
        time += gap
        while pause := limit.pause(time):
            time += pause
        limit.sent(time)
        sent.append(time)
    late_enough = [
        later >= earlier + span_ns / NS for earlier, later in zip(sent, sent[count:], strict=False)
    ]
    assert all(late_enough)
