from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.feeds.times import iso_ns
from tapewatch.market.ticks import NS

SECOND = 1_775_572_202  # 2026-04-07 14:30:02 UTC


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-04-07T14:30:02Z", 0),
        ("2026-04-07T14:30:02.7Z", 700_000_000),
        ("2026-04-07T14:30:02.789012Z", 789_012_000),
        ("2026-04-07T14:30:02.789012345Z", 789_012_345),
        ("2026-04-07T14:30:02.7890123459Z", 789_012_345),
        ("2026-04-07t14:30:02.5z", 500_000_000),
        ("2026-04-07 14:30:02.000000001+00:00", 1),
        ("2026-04-07T10:30:02.25-04:00", 250_000_000),
    ],
)
def test_every_form_is_read_to_the_nanosecond(text, ns):
    assert iso_ns(text) == SECOND * NS + ns


@given(
    second=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),
    ns=st.integers(0, NS - 1),
    offset=st.integers(-23 * 60, 23 * 60),
)
def test_it_agrees_with_datetime(second, ns, offset):
    second = second.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    text = second.isoformat()
    whole = (second - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * NS
    assert iso_ns(f"{text[:19]}.{ns:09}{text[19:]}") == whole + ns
    if offset == 0:
        assert iso_ns(f"{text[:19]}.{ns:09}Z") == whole + ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "now",
        "1775572202",
        "2026-04-07",
        "2026-04-07T14:30:02",
        "2026-04-07T14:30:02.Z",
        "2026-04-07T14:30:02.5",
        "2026-04-07T14:30:02.-5Z",
        "2026-04-07T14:30:02.٥Z",
        "2026-04-07T14:30:02.²Z",
        "2026-13-07T14:30:02.5Z",
        "2026-02-30T14:30:02.5Z",
        "2026-04-07T25:30:02.5Z",
        "2026-04-07T14:30:61.5Z",
        "20260407T1430025678.5Z",
        "2026-04-07T14:30:02.5+99:00",
        "0001-01-01T00:00:00.5Z",
        "2500-01-01T00:00:00.5Z",
        "9999-12-31T23:59:59.5-23:59",
        "2026-04-07T14:30:02.5Z\n",
    ],
)
def test_nonsense_is_a_value_error(text):
    with pytest.raises(ValueError):
        iso_ns(text)


@given(st.text())
def test_whatever_the_text_it_is_a_time_or_a_value_error(text):
    with suppress(ValueError):
        assert abs(iso_ns(text)) < 2**63
