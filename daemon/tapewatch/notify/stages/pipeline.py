"""The way of a delivery to a message, or to its end."""

from collections.abc import Callable, Sequence

from tapewatch.alerts.alert import Alert
from tapewatch.config import Receiver, Webhook
from tapewatch.notify.delivery import Delivery, Ended, Now, Outgoing
from tapewatch.notify.message import Kind
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.silences import Silence
from tapewatch.notify.stages.mute import is_muted
from tapewatch.notify.stages.silence import silenced_by
from tapewatch.notify.stages.waits import Waits


class Pipeline:
    """The stages of one receiver, in their order: route, mute, silence, quiet, stale, cool, group.

    Each delivery that is offered leaves once: it is ended at once, or is in one message. A webhook is read by a
    program, which wants each alert at once: it has the first three stages only. What is resent passes none.
    """

    def __init__(
        self,
        receiver: Receiver,
        wants: Callable[[Alert], bool],
        silences: Callable[[], Sequence[Silence]],
    ) -> None:
        """A pipeline in which nothing waits.

        Args:
            receiver: its table in the config.
            wants: whether a route leads an alert to it.
            silences: those that there are.
        """
        self.wants = wants
        """Whether a route leads an alert here; may be changed while it runs."""
        self._mute = receiver.mute
        self._silences = silences
        self._waits = None if isinstance(receiver, Webhook) else Waits(receiver)
        self._at_once: list[Outgoing] = []

    def offer(self, delivery: Delivery, now: Now) -> Ended | None:
        """Takes a delivery.

        Returns:
            Why it goes no further; None: it is in, and `due` will have it.
        """
        if not delivery.resent and (ended := self._end(delivery, now)):
            return ended
        if delivery.resent or self._waits is None:
            self._at_once.append(Outgoing(Kind.ALERTS, (delivery,)))
        else:
            self._waits.offer(delivery, now)
        return None

    def due(self, now: Now) -> list[Outgoing]:
        """What is to be sent now, in order."""
        return self._take() + (self._waits.due(now) if self._waits else [])

    def flush(self, now: Now) -> list[Outgoing]:
        """At a stop: all that waits, but not what waits for the quiet hours to end."""
        return self._take() + (self._waits.flush(now) if self._waits else [])

    def wake(self, now: Now) -> float | None:
        """Seconds until `due` may have something; None: only when something is offered."""
        if self._at_once:
            return 0.0
        return self._waits.wake(now) if self._waits else None

    def _take(self) -> list[Outgoing]:
        taken, self._at_once = self._at_once, []
        return taken

    def _end(self, delivery: Delivery, now: Now) -> Ended | None:
        if not self.wants(delivery.alert):
            return Ended(delivery, Outcome.NOT_ROUTED)
        if is_muted(self._mute, delivery.alert):
            return Ended(delivery, Outcome.MUTED)
        if silence := silenced_by(self._silences(), delivery.alert, now.wall_ns):
            return Ended(delivery, Outcome.SILENCED, silence)
        return None
