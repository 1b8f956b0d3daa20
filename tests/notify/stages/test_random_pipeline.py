"""Random markets and receivers: each alert leaves once, in order, and no rule is a storm."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from stage_cases import MIDNIGHT_NS, desk, fired, seconds

from tapewatch.config import Receiver
from tapewatch.market.ticks import NS
from tapewatch.notify.delivery import Delivery, Now, Outgoing
from tapewatch.notify.message import Kind
from tapewatch.notify.stages import Pipeline
from tapewatch.notify.stages.queued import LARGEST_DIGEST

RULES = ["SPX breakout", "SPX overbought", "SPX support", "IWM support", "tape feed"]
SEVERITIES = dict(zip(RULES, ["critical", "info", "warning", "info", "warning"], strict=True))

receivers = st.builds(
    desk,
    group_wait=st.sampled_from(["0s", "1s", "5s", "5m"]),
    cooldown=st.sampled_from(["0s", "10s", "1m", "1h"]),
    stale_after=st.sampled_from(["0s", "30s", "15m"]),
    quiet=st.sampled_from([None, "14:00-14:05", "22:00-07:00", "14:03-13:58"]),
)


@dataclass
class Step:
    """An alert, some time after the one before."""

    gap: float
    """Seconds."""
    rule: str
    age: float
    """Seconds since the event."""
    answers: bool
    resent: bool
    looks: bool
    """Whether somebody asks what is due."""


steps = st.builds(
    Step,
    gap=st.sampled_from([0.0, 0.0, 0.1, 0.9, 5.0, 20.0, 61.0]) | st.floats(0, 400),
    rule=st.sampled_from(RULES),
    age=st.sampled_from([0.0, 0.0, 0.0, 2.0, 100.0, 3000.0]),
    answers=st.sampled_from([False, False, False, True]),
    resent=st.sampled_from([False] * 9 + [True]),
    looks=st.booleans(),
)


@dataclass
class Run:
    """A pipeline, and what came out of it."""

    pipeline: Pipeline
    speed: float = 1.0
    """How fast the feeds' clocks run beside ours; 0: they stand still; below 0: no feed told the time."""
    time: float = seconds("13:57:00")
    offered: list[Delivery] = field(default_factory=list)
    sent: list[tuple[float, Outgoing]] = field(default_factory=list)
    """With the time of ours."""

    @classmethod
    def of(cls, receiver: Receiver, speed: float = 1.0) -> "Run":
        return cls(Pipeline(receiver, lambda _: True, lambda: ()), speed)

    def now(self) -> Now:
        feed = (
            MIDNIGHT_NS + round((50_000 + (self.time - 50_000) * self.speed) * NS) if self.speed >= 0 else 0
        )
        return Now(self.time, MIDNIGHT_NS + round(self.time * NS), lambda _: feed)

    def offer(self, step: Step) -> None:
        event = MIDNIGHT_NS + round((self.time - step.age) * NS)
        changes: dict[str, Any] = {"follows": "before"} if step.answers else {}
        what = f"00:00:00 {step.rule}"
        delivery = fired(
            what, resent=step.resent, severity=SEVERITIES[step.rule], time_ns=str(event), **changes
        )
        self.offered.append(delivery)
        assert self.pipeline.offer(delivery, self.now()) is None

    def look(self) -> None:
        wake = self.pipeline.wake(self.now())
        due = self.pipeline.due(self.now())
        assert not due or wake == 0, "it would have been slept through"
        self.sent += ((self.time, each) for each in due)

    def wait_until(self, time: float) -> None:
        """Wakes whenever the pipeline asks for it, and then at `time`."""
        while (wake := self.pipeline.wake(self.now())) is not None and self.time + wake <= time:
            self.time += wake + 1e-6
            self.look()
        self.time = max(self.time, time)

    def messages(self) -> list[Outgoing]:
        return [outgoing for _, outgoing in self.sent]


def rule_of(delivery: Delivery) -> str:
    return f"{delivery.alert.subject} {delivery.alert.data.rule}"


def assert_all_once_and_in_order(run: Run) -> None:
    left = [delivery for outgoing in run.messages() for delivery in outgoing.deliveries]
    assert Counter(map(id, left)) == Counter(map(id, run.offered))
    place = {id(delivery): number for number, delivery in enumerate(run.offered)}
    for rule in RULES:
        of_rule = [place[id(each)] for each in left if rule_of(each) == rule and not each.resent]
        assert of_rule == sorted(of_rule)


def assert_messages_are_what_they_say(run: Run) -> None:
    for kind, deliveries in run.messages():
        if any(delivery.resent for delivery in deliveries):
            assert len(deliveries) == 1
        if kind is Kind.ALERTS:
            assert len({delivery.alert.subject for delivery in deliveries}) == 1
        if kind is Kind.SUMMARY:
            assert len({rule_of(delivery) for delivery in deliveries}) == 1
        if kind is Kind.DIGEST:
            assert len(deliveries) <= LARGEST_DIGEST


speeds = st.sampled_from([1.0, 60.0, 0.0, -1.0])


@settings(deadline=None)
@given(receivers, st.lists(steps, max_size=60), speeds)
def test_whatever_comes_leaves_once_and_in_order(
    receiver: Receiver, market: list[Step], speed: float
) -> None:
    run = Run.of(receiver, speed)
    for step in market:
        run.time += step.gap
        run.offer(step)
        if step.looks:
            run.look()
    run.wait_until(run.time + 2 * 86_400)
    assert run.pipeline.wake(run.now()) is None
    assert run.pipeline.flush(run.now()) == []
    assert_all_once_and_in_order(run)
    assert_messages_are_what_they_say(run)


@settings(deadline=None)
@given(receivers, st.lists(steps, max_size=60), speeds)
def test_a_stop_leaves_nothing_but_what_waits_for_the_morning(
    receiver: Receiver, market: list[Step], speed: float
) -> None:
    run = Run.of(receiver, speed)
    for step in market:
        run.time += step.gap
        run.offer(step)
        if step.looks:
            run.look()
    run.sent += ((run.time, each) for each in run.pipeline.flush(run.now()))
    left = [delivery for outgoing in run.messages() for delivery in outgoing.deliveries]
    waits = [delivery for delivery in run.offered if not any(delivery is each for each in left)]
    assert not any(delivery.resent or SEVERITIES[rule_of(delivery)] == "critical" for delivery in waits)
    assert receiver.quiet or not waits
    run.wait_until(run.time + 86_400)
    assert_all_once_and_in_order(run)


@settings(deadline=None)
@given(st.lists(steps, max_size=60), st.sampled_from([10, 60, 3600]))
def test_a_rule_is_at_most_one_message_a_cooldown_besides_its_answers(
    market: list[Step], cooldown: int
) -> None:
    run = Run.of(desk(cooldown=f"{cooldown}s"))
    for step in market:
        run.wait_until(run.time + step.gap)
        run.offer(Step(step.gap, step.rule, 0.0, step.answers, resent=False, looks=True))
        run.look()
    run.wait_until(run.time + 2 * cooldown)
    assert_all_once_and_in_order(run)
    for rule in RULES:
        told = [
            time
            for time, outgoing in run.sent
            if rule_of(outgoing.deliveries[0]) == rule
            and not any(delivery.alert.data.follows for delivery in outgoing.deliveries)
        ]
        assert all(later - earlier > cooldown - 0.001 for earlier, later in pairwise(told))


@settings(deadline=None)
@given(st.lists(steps, max_size=60))
def test_nothing_waits_longer_than_the_receiver_says(market: list[Step]) -> None:
    """Looked at in time, an alert leaves within the cooldown, a look at the clocks and the group's wait."""
    run = Run.of(desk(group_wait="1s", cooldown="1m", stale_after="15m"))
    offered_at: dict[int, float] = {}
    for step in market:
        run.wait_until(run.time + step.gap)
        run.offer(step)
        offered_at[id(run.offered[-1])] = run.time
    run.wait_until(run.time + 120)
    for time, outgoing in run.sent:
        for delivery in outgoing.deliveries:
            assert time - offered_at[id(delivery)] < 60 + 0.25 + 1 + 0.01
