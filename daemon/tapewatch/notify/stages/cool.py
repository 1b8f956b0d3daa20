"""The stage cool: a rule that fires again and again is a message at a time, not a storm."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tapewatch.market.ticks import NS
from tapewatch.notify.delivery import Now
from tapewatch.notify.stages.queued import Queued, RuleKey
from tapewatch.values import span_ns

LOOK_PERIOD = 0.25
"""Seconds between two looks at the feeds' clocks: on a tape that is played fast they outrun ours."""


@dataclass(slots=True)
class _Told:
    """A rule that people were told of."""

    since_ns: int
    """Where the cooldown begins: event time of the newest alert that they were told, or the feed's clock if that had
    waited."""
    monotonic: float
    """When they were told, in seconds: a feed's clock may stand still, so this machine's ends the cooldown too."""
    waiting: list[Queued] = field(default_factory=list)
    """What has fired since."""


class Cool:
    """Lets one message of a rule pass, and then for the cooldown holds what that rule fires.

    An answer (`confirmed`, `failed`) does not wait and begins no cooldown. What it follows may wait: then that goes
    with it, so that nothing is confirmed before it is told.
    """

    def __init__(self, cooldown: str) -> None:
        """A stage in which nothing waits.

        Args:
            cooldown: such as `1m`; `0s`: nothing ever waits.
        """
        self._cooldown_ns = span_ns(cooldown)
        self._rules: OrderedDict[RuleKey, _Told] = OrderedDict()
        """In the order in which people were told."""
        self._waiting: dict[RuleKey, _Told] = {}
        """Those of them of which something waits, in the order in which it began to."""
        self._next_look = 0.0

    def holds(self, rule: RuleKey) -> bool:
        """Whether an alert of that rule waits here."""
        return rule in self._waiting

    def offer(self, queued: Queued, now: Now) -> list[Queued]:
        """Takes an alert.

        Returns:
            What goes on: the alert, after those of its rule that waited for it; nothing if it waits.
        """
        told = self._rules.get(queued.rule)
        if queued.is_answer:
            return self._answer(told, queued, now)
        if told and (told.waiting or not self._is_over(told, queued.time_ns, now)):
            self._hold(told, queued, now)
            return []
        self._tell(queued.rule, queued.time_ns, now)
        return [queued]

    def note(self, digest: Iterable[Queued], now: Now) -> None:
        """People are told of these in a digest, which begins the cooldown of their rules."""
        for queued in digest:
            told = self._rules.get(queued.rule)
            self._tell(queued.rule, max(queued.time_ns, told.since_ns if told else 0), now)

    def due(self, now: Now) -> list[list[Queued]]:
        """Of each rule whose cooldown is over what waited, in order."""
        if now.monotonic < self._next_look:
            return []
        self._next_look = now.monotonic + LOOK_PERIOD
        over = [
            rule
            for rule, told in self._waiting.items()
            if self._is_over(told, now.clock(told.waiting[0].alert), now)
        ]
        self._forget(now)
        return [self._release(rule, now) for rule in over]

    def close(self, now: Now) -> list[list[Queued]]:
        """Of each rule what waits, in order."""
        return [self._release(rule, now) for rule in list(self._waiting)]

    def wake(self, now: Now) -> float | None:
        """Seconds until a cooldown may be over for which something waits; None: nothing does."""
        return self._next_look - now.monotonic if self._waiting else None

    def _answer(self, told: _Told | None, answer: Queued, now: Now) -> list[Queued]:
        if told is None or not told.waiting:
            return [answer]
        told.waiting.append(answer)
        return self._release(answer.rule, now)

    def _is_over(self, told: _Told, time_ns: int, now: Now) -> bool:
        return time_ns >= told.since_ns + self._cooldown_ns or self._is_past(told, now)

    def _is_past(self, told: _Told, now: Now) -> bool:
        return now.monotonic >= told.monotonic + self._cooldown_ns / NS

    def _hold(self, told: _Told, queued: Queued, now: Now) -> None:
        if not self._waiting:  # the first look gives a backlog the time to be read
            self._next_look = now.monotonic + LOOK_PERIOD
        told.waiting.append(queued)
        self._waiting[queued.rule] = told

    def _release(self, rule: RuleKey, now: Now) -> list[Queued]:
        told = self._waiting.pop(rule)
        waited, told.waiting = told.waiting, []
        # From now, not from the newest of them: else a level that price crosses every half minute would be a message
        # every half minute.
        newest = max(queued.time_ns for queued in waited)
        self._tell(rule, max(newest, now.clock(waited[0].alert)), now)
        return waited

    def _tell(self, rule: RuleKey, since_ns: int, now: Now) -> None:
        if not self._cooldown_ns:
            return
        told = self._rules.setdefault(rule, _Told(since_ns, now.monotonic))
        told.since_ns, told.monotonic = since_ns, now.monotonic
        self._rules.move_to_end(rule)

    def _forget(self, now: Now) -> None:
        """Drops the rules whose cooldown is past, so that they do not add up."""
        while self._rules:
            rule, told = next(iter(self._rules.items()))
            if told.waiting or not self._is_past(told, now):
                return
            del self._rules[rule]
