"""The stages in which what people read waits: quiet, stale, cool, group, and the way from one to the next."""

from itertools import count

from tapewatch.config import Apprise, Console, Email, Slack
from tapewatch.notify.delivery import Delivery, Now, Outgoing
from tapewatch.notify.message import Kind
from tapewatch.notify.stages.cool import Cool
from tapewatch.notify.stages.group import Group
from tapewatch.notify.stages.queued import LARGEST_DIGEST, Queued
from tapewatch.notify.stages.quiet import Quiet
from tapewatch.notify.stages.stale import Stale


class Waits:
    """Turns deliveries into messages for people.

    Alerts of one rule leave in the order in which they came: whatever a stage says of an alert, it stays behind
    those of its rule that wait in a later stage.
    """

    def __init__(self, receiver: Console | Slack | Email | Apprise) -> None:
        self._quiet = Quiet(receiver.quiet, receiver.zone)
        self._stale = Stale(receiver.stale_after, receiver.group_wait)
        self._cool = Cool(receiver.cooldown)
        self._group = Group(receiver.group_wait)
        self._order = count()
        self._ready: list[Outgoing] = []

    def offer(self, delivery: Delivery, now: Now) -> None:
        """Takes a delivery."""
        self._end_quiet(now)
        queued = Queued(next(self._order), delivery)
        if self._cool.holds(queued.rule) or self._group.holds(queued.rule):
            self._offer_to_cool(queued, now)
        elif self._quiet.keeps(queued, now):
            self._end_stale_of(queued, now)
            self._quiet.hold([queued])
        elif self._stale.is_old(queued, now):
            self._digest(self._stale.offer(queued, now), now)
        else:
            self._end_stale_of(queued, now)
            self._offer_to_cool(queued, now)

    def due(self, now: Now) -> list[Outgoing]:
        """What is to be sent now, in order."""
        self._end_quiet(now)
        self._send_groups(self._group.due(now), now)
        self._digest(self._stale.due(now), now)
        for cooled in self._cool.due(now):
            self._cooled(cooled, now)
        return self._take()

    def flush(self, now: Now) -> list[Outgoing]:
        """All but what waits for the quiet hours to end."""
        self._end_quiet(now)
        self._digest(self._stale.close(), now)
        for cooled in self._cool.close(now):
            self._cooled(cooled, now)
        self._send_groups(self._group.close_all(), now)
        return self._take()

    def wake(self, now: Now) -> float | None:
        """Seconds until `due` may have something; None: only when something is offered."""
        if self._ready:
            return 0.0
        stages = (self._quiet, self._stale, self._cool, self._group)
        times = [seconds for stage in stages if (seconds := stage.wake(now)) is not None]
        return max(0.0, min(times)) if times else None

    def _take(self) -> list[Outgoing]:
        ready, self._ready = self._ready, []
        return ready

    def _end_quiet(self, now: Now) -> None:
        self._digest(self._quiet.due(now), now)

    def _end_stale_of(self, queued: Queued, now: Now) -> None:
        """The old ones of its rule go first, and do not wait for more of theirs."""
        if self._stale.holds(queued.rule):
            self._digest(self._stale.close(), now)

    def _offer_to_cool(self, queued: Queued, now: Now) -> None:
        if passed := self._cool.offer(queued, now):
            self._cooled(passed, now)

    def _cooled(self, passed: list[Queued], now: Now) -> None:
        """One alert goes into its symbol's group; several of a rule are a message of their own."""
        if len(passed) == 1:
            self._send_groups(self._group.offer(passed[0], now), now)
        else:
            self._send_groups(self._group.close(passed[0].symbol), now)
            self._send(Kind.SUMMARY, passed, now)

    def _send_groups(self, groups: list[list[Queued]], now: Now) -> None:
        for group in groups:
            self._send(Kind.ALERTS, group, now)

    def _digest(self, old: list[Queued], now: Now) -> None:
        self._cool.note(old, now)
        for start in range(0, len(old), LARGEST_DIGEST):
            self._send(Kind.DIGEST, old[start : start + LARGEST_DIGEST], now)

    def _send(self, kind: Kind, waited: list[Queued], now: Now) -> None:
        """What waited into the quiet hours goes on waiting, until they end."""
        if self._quiet.is_on(now):
            self._quiet.hold(queued for queued in waited if not queued.is_critical)
            waited = [queued for queued in waited if queued.is_critical]
        if waited:
            self._ready.append(Outgoing(kind, tuple(queued.delivery for queued in waited)))
