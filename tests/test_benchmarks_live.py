"""The benchmarks of latency, load and soak for a few seconds: what they find is right; no time is judged."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

import latency
import load
import soak
from daemon_side import Running, running
from market_side import Plan
from sampling import Sample, growth

CALM = Plan(2_000, 20, 2.0, 0.05, regular=True, pause=0.001, after=0.2)


@pytest.mark.long
def test_latency_is_told_by_percentiles_of_all_alerts() -> None:
    own = latency.Load(1_000, 10)
    figures = latency.measure(2.0, (own,))
    assert [figure.name.rpartition(", ")[2] for figure in figures] == ["p50", "p99", "p99.9"]
    middle, most, nearly_all = (figure.value for figure in figures)
    assert 0 < middle <= most <= nearly_all


@pytest.fixture(scope="module")
def ran() -> Iterator[tuple[Running, Redis, load.Outcome]]:
    with running(CALM) as both, Redis(unix_socket_path=both.redis) as redis:
        outcome = both.outcome()
        assert both.stop_daemon() == 0
        yield both, redis, outcome


@pytest.mark.long
def test_a_calm_load_passes_all_checks_but_those_of_lag(ran: tuple[Running, Redis, load.Outcome]) -> None:
    both, redis, outcome = ran
    assert outcome.ticks > 4_000
    assert len(outcome.expected) > 30
    rows = [
        *load.speed_rows(CALM, outcome),
        *load.tick_rows(both, redis, outcome),
        *load.alert_rows(redis, outcome),
    ]
    assert [row.what for row in rows if not row.good] == []


@pytest.mark.long
def test_a_tick_too_few_and_an_alert_too_few_are_found(ran: tuple[Running, Redis, load.Outcome]) -> None:
    both, redis, outcome = ran
    more = replace(outcome, ticks=outcome.ticks + 1, expected=[*outcome.expected, 1])
    assert [row.good for row in load.tick_rows(both, redis, more)] == [False, True]
    assert [row.good for row in load.alert_rows(redis, more)] == [False, False]


@pytest.mark.long
def test_a_lag_that_is_not_true_is_found(ran: tuple[Running, Redis, load.Outcome]) -> None:
    both, _, outcome = ran
    with both.log.open("a") as log:
        at = outcome.heard[-1][1]
        log.write(f'{{"event": "feed.behind", "seconds": 7.0, "timestamp": "{load.iso(at)}"}}\n')
    rows = load.lag_rows(both, outcome, stall=0)
    assert [(row.what, row.good) for row in rows][:2] == [
        ("lag said", False),
        ("said to have caught up", False),
    ]


@pytest.mark.long
def test_a_daemon_that_dies_ends_the_run_with_its_last_words() -> None:
    with running(replace(CALM, seconds=30)) as both:
        os.kill(both.daemon.pid, signal.SIGKILL)
        with pytest.raises(AssertionError, match="did not go along"):
            both.outcome()


@pytest.mark.long
def test_a_short_soak_finds_every_alert_at_both_receivers() -> None:
    own = soak.measure(4.0, rate=1_000, every=0.3, alert_every=0.5)
    assert own.complete, (own.refused, own.exit_code, len(own.ids), len(own.received), own.mails)
    assert len(own.ids) >= 5
    assert soak.line(own).count("|") == 8


def test_what_grows_is_found() -> None:
    samples = [Sample(10.0 * i, 200 + i, 20, 2.0, 0.1 * i, i) for i in range(30)]
    assert growth(samples, "resident").grown == pytest.approx(19)
    assert growth(samples, "files").grown == pytest.approx(0)
