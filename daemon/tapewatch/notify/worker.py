"""Delivery to one receiver: read the alert stream, pass the stages, send, acknowledge.

At least once: an alert is acknowledged only after its receiver took it, a stage ended it or it lies in the
dead-letter stream, so what a crash left unacknowledged is taken up at the next start. Every receiver has its own
worker, so that none waits for another; in it, reading, sending and acknowledging do not wait for each other, so
that what is known is sent while Redis is away.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Never

import msgspec
import structlog
from redis.asyncio import Redis

from tapewatch.alerts.alert import Alert, decode
from tapewatch.config import Receiver
from tapewatch.histogram import DELIVERY_SECONDS, Histogram
from tapewatch.market.ticks import NS
from tapewatch.notify.attempts import Attempts, Result
from tapewatch.notify.delivery import Delivery, Ended, Now, Outgoing
from tapewatch.notify.endings import Ending, Endings
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.message import Message
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.patience import Patience, stop_if_cancelled
from tapewatch.notify.pictures import NONE, Pictures
from tapewatch.notify.retry import PAUSES, Retry
from tapewatch.notify.sender import Sender
from tapewatch.notify.stages import Pipeline, limit_of
from tapewatch.notify.stream_reader import Entry, StreamReader
from tapewatch.notify.streams import Streams
from tapewatch.values import span_ns

IN_FLIGHT = 20_000
"""Alerts that may wait in a worker, about 100 MB; then no more are read until some are sent."""

PAUSE = 0.05
"""Seconds until the next look whether more may be read."""

DRAIN_PERIOD = 0.02
"""Seconds between two looks at what is left."""

LAST_SECONDS = 1.0
"""What is left, of the time for draining, to the message that is being sent; no other is begun then."""

log = structlog.get_logger(__name__)


@dataclass
class Counts:
    """What a worker did since its start, for metrics."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    """Alerts, by what became of them."""
    retried: int = 0
    """Attempts that failed and were followed by another."""
    seconds: Histogram = field(default_factory=lambda: Histogram(DELIVERY_SECONDS))
    """From when an alert was known here to when the receiver had it."""


class Worker:
    """Delivers the alerts of one stream to one receiver."""

    def __init__(
        self,
        redis: Redis,
        streams: Streams,
        receiver: Receiver,
        sender: Sender,
        pipeline: Pipeline,
        ledger: Ledger,
        *,
        member: str,
        clock: Callable[[Alert], int],
        may_send: Callable[[], bool] = lambda: True,
        acknowledges_first: Callable[[], bool] = lambda: False,
        pictures: Pictures = NONE,
        retry: Retry = PAUSES,
    ) -> None:
        """A worker that has read nothing yet.

        Args:
            redis: answers in bytes, and has no time-out of its own.
            streams: what it reads and writes.
            receiver: its name is that of the consumer group, and stands in an entry's `delivered` field.
            sender: brings messages there.
            pipeline: its stages, used by nobody else.
            ledger: what the receiver was sent.
            member: names this process among all that may lead the instance.
            clock: ns UTC by the clock of the feed that an alert came from; 0 before that feed told any.
            may_send: asked right before each attempt; while it says no, nothing is read or sent, and nothing lost.
            acknowledges_first: whether a message waits until the one before it is acknowledged, so that who takes over
                from us sends one again at most.
            pictures: make the picture and the link of each message.
            retry: the pauses between attempts.
        """
        self.counts = Counts()
        self._name = receiver.name
        self._log = log.bind(receiver=receiver.name)
        self._resend = streams.resend
        self._pipeline = pipeline
        self._ledger = ledger
        self._clock = clock
        self._may_send = may_send
        self._acknowledges_first = acknowledges_first
        self._attempts = Attempts(
            receiver.name,
            sender,
            limit_of(receiver),
            retry,
            span_ns(receiver.give_up_after) / NS,
            may_send,
            self._count_retry,
            pictures,
        )
        self._patience = Patience(receiver.name)
        self._reader = StreamReader(self._patience, redis, streams, receiver.name, member)
        self._endings = Endings(self._patience, redis, streams, receiver.name, self._reader.ended)
        self._in_flight: dict[tuple[str, bool], Delivery] = {}  # by alert id, and whether it is resent
        self._kept_back: dict[str, Ended] = {}  # by alert id: what was ended while it was in the spool alone
        self._line: deque[Outgoing] = deque()  # the first of them is being sent
        self._news = asyncio.Event()
        self._idle = asyncio.Event()  # no message is being sent
        self._idle.set()
        self._closing = False

    @property
    def waiting(self) -> int:
        """Alerts that are known here, and not delivered yet."""
        return len(self._in_flight)

    @property
    def wants(self) -> Callable[[Alert], bool]:
        """Whether an alert goes to this receiver at all; may be changed while it runs."""
        return self._pipeline.wants

    @wants.setter
    def wants(self, wants: Callable[[Alert], bool]) -> None:
        self._pipeline.wants = wants

    @property
    def undelivered(self) -> list[str]:
        """Ids of the alerts that it has read, or has from the spool, and that have not come to their end."""
        return list(dict.fromkeys(id_ for id_, _ in self._in_flight))

    def take_sender(self, sender: Sender) -> None:
        """Sends by this one from the next attempt on: a secret has changed."""
        self._attempts.sender = sender

    async def prepare(self) -> None:
        """Makes the group if it is new, at the end of the stream: a new receiver gets no old alerts.

        Call it before the first alert can be written.

        Raises:
            redis.exceptions.RedisError: Redis is away, or a key holds no stream.
        """
        await self._reader.prepare()

    async def run(self) -> Never:
        """Delivers until cancelled; what was being sent then stays unacknowledged, and is sent again.

        Raises:
            ExceptionGroup: with a `redis.exceptions.ResponseError`, if a key holds something else.
        """
        self._reader.start_over()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_on())
            group.create_task(self._endings.run())
            await self._send_on()

    def spooled(self, fired: Sequence[tuple[Alert, bytes]]) -> None:
        """Takes alerts that are on disk in the spool, while Redis is away; returns at once.

        Args:
            fired: alerts, each with its JSON as it will stand in the stream.
        """
        for alert, body in fired:
            known = (alert.id, False) in self._in_flight or alert.id in self._kept_back
            if not known and not self._ledger.had(alert.id):
                self._offer(Delivery(alert, body, since=time.monotonic()))

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 - False, not an error
        """Sends what waits for company or a pause, and waits until it is sent; `run` runs meanwhile.

        From now on no message waits for its picture. What waits for the end of quiet hours is not waited for: it
        stays unacknowledged.

        Args:
            timeout: seconds to wait at most.

        Returns:
            Whether nothing is left.
        """
        self._closing = False
        self._attempts.hurry.set()
        last = min(LAST_SECONDS, timeout / 2)
        try:
            async with asyncio.timeout(timeout - last):
                while not await self._is_drained():  # noqa: ASYNC110 - Redis tells nobody
                    await asyncio.sleep(DRAIN_PERIOD)
        except TimeoutError:
            self._closing = True
            with suppress(TimeoutError):  # cut off while it is sent, a message would come twice
                async with asyncio.timeout(last):
                    await self._idle.wait()
            return False
        return True

    async def leave(self, within: float) -> None:
        """Begins no other attempt, and waits for the end of one that is on its way; then `run` is to be cancelled.

        What is not acknowledged by then is taken up by the worker that follows.

        Args:
            within: seconds to wait at most.
        """
        self._closing = self._attempts.no_more = True
        self._attempts.hurry.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._attempts.resting.wait()
        with suppress(TimeoutError):  # while Redis is away the ledger alone knows
            async with asyncio.timeout(LAST_SECONDS):
                await self._endings.written.wait()

    async def _is_drained(self) -> bool:
        self._flush()
        caught_up = await self._patience.insist(self._reader.is_caught_up)
        self._flush()  # what came meanwhile
        return caught_up and not self._line and not self._endings.waiting

    def _flush(self) -> None:
        self._line += self._pipeline.flush(self._now())
        self._news.set()

    async def _read_on(self) -> Never:
        while True:
            if self._may_send() and len(self._in_flight) < IN_FLIGHT:
                for entry in await self._reader.next():
                    self._take(entry)
            else:
                await asyncio.sleep(PAUSE)

    def _take(self, entry: Entry) -> None:
        """Brings an entry to the stages, unless its alert is in them or was sent."""
        own = (entry.stream, entry.id)
        resent = entry.stream == self._resend
        try:
            body = entry.fields[b"json"]
            alert = decode(body)
        except KeyError:
            self._unreadable(
                entry, "the stream was trimmed before it was delivered, or the entry holds no json"
            )
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._unreadable(entry, f"the entry holds no alert: {error}")
        else:
            delivery = Delivery(alert, body, [own], resent, time.monotonic())
            if known := self._in_flight.get((alert.id, resent)):
                known.entries.append(own)  # it came from the spool before
            elif not resent and self._had(alert, entry):
                self._end(delivery, Outcome.HAD_ALREADY, receipt=self._ledger.receipt(alert.id))
            elif not resent and (kept_back := self._kept_back.pop(alert.id, None)):
                self._end(delivery, kept_back.outcome, kept_back.detail)  # its silence may be over by now
            else:
                self._offer(delivery)

    def _had(self, alert: Alert, entry: Entry) -> bool:
        delivered = entry.fields.get(b"delivered", b"").split(b",")
        return self._ledger.had(alert.id) or self._name.encode() in delivered

    def _offer(self, delivery: Delivery) -> None:
        self._in_flight[delivery.alert.id, delivery.resent] = delivery
        if ended := self._pipeline.offer(delivery, self._now()):
            self._end(delivery, ended.outcome, ended.detail)
            if not delivery.entries:
                self._kept_back[delivery.alert.id] = ended
        self._news.set()

    async def _send_on(self) -> Never:
        while True:
            self._news.clear()
            self._line += self._pipeline.due(self._now())
            while self._line and not self._closing:
                await self._acknowledged()
                self._idle.clear()
                await self._send(self._line[0])
                self._idle.set()
            self._attempts.spare.fill_up()
            await self._wait()

    async def _acknowledged(self) -> None:
        while self._acknowledges_first() and self._endings.waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE):
                    await self._endings.written.wait()

    async def _wait(self) -> None:
        """Until there is news, or something may be due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pipeline.wake(self._now())):
                await self._news.wait()

    async def _send(self, outgoing: Outgoing) -> None:
        """Brings the first message of the line to its end."""
        result = await self._attempts.send(self._message(outgoing))
        self._line.popleft()
        ids = [delivery.alert.id for delivery in outgoing.deliveries]
        if result.outcome == Outcome.SENT:
            # Before the acknowledgement: a crash between the two doubles nothing.
            self._ledger.note(ids, result.receipt)
            self._log.info("notify.sent", alerts=ids)
        for delivery in outgoing.deliveries:
            if result.outcome != Outcome.SENT:
                self._report(delivery, result)
            self._end(delivery, result.outcome, result.detail, result.receipt)
        stop_if_cancelled()

    def _message(self, outgoing: Outgoing) -> Message:
        message = Message(
            tuple(delivery.alert for delivery in outgoing.deliveries),
            tuple(delivery.body for delivery in outgoing.deliveries),
            outgoing.kind,
        )
        follows = message.follows
        return replace(message, answers=self._ledger.receipt(follows)) if follows else message

    def _report(self, delivery: Delivery, result: Result) -> None:
        alert = delivery.alert.id
        if delivery.entries:
            self._log.error("notify.dead", alert=alert, reason=result.detail)
        else:  # it comes again with the stream, and is a dead letter then
            self._log.warning("notify.waits_for_redis", alert=alert, reason=result.detail)

    def _unreadable(self, entry: Entry, reason: str) -> None:
        fields = entry.fields
        alert = fields.get(b"id", b"").decode(errors="replace")
        self.counts.outcomes[Outcome.UNREADABLE] += 1
        self._log.error("notify.dead", alert=alert or None, entry=entry.id.decode(), reason=reason)
        where = ((entry.stream, entry.id),)
        self._endings.add(Ending(alert, fields.get(b"json", b""), where, Outcome.UNREADABLE, reason))

    def _end(
        self, delivery: Delivery, outcome: Outcome, detail: str = "", receipt: str | None = None
    ) -> None:
        """The delivery is over. What is in the spool alone has nothing to acknowledge."""
        self._in_flight.pop((delivery.alert.id, delivery.resent), None)
        if outcome == Outcome.SENT:
            self.counts.seconds.add(time.monotonic() - delivery.since)
        if delivery.entries or outcome == Outcome.SENT:  # the rest comes again with the stream
            self.counts.outcomes[outcome] += 1
        if delivery.entries:
            self._endings.add(
                Ending(
                    delivery.alert.id,
                    delivery.body,
                    tuple(delivery.entries),
                    outcome,
                    detail,
                    receipt or "",
                )
            )

    def _count_retry(self) -> None:
        self.counts.retried += 1

    def _now(self) -> Now:
        return Now(time.monotonic(), time.time_ns(), self._clock)
