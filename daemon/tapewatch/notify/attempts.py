"""Brings one message to its receiver: attempt after attempt, until it is taken or never will be."""

import asyncio
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import structlog

from tapewatch.notify.message import Message
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.patience import stop_if_cancelled
from tapewatch.notify.pictures import Pictures
from tapewatch.notify.retry import Retry
from tapewatch.notify.sender import PermanentError, Sender, TemporaryError
from tapewatch.notify.spare import MOST, Spare
from tapewatch.notify.stages import Limit

MAY_SEND_PERIOD = 0.05
"""Seconds between two looks at whether we may send."""


log = structlog.get_logger(__name__)


class Result(NamedTuple):
    """How it ended."""

    outcome: Outcome
    """`SENT`, `REFUSED` or `GAVE_UP`."""
    detail: str = ""
    """Why it was not taken."""
    receipt: str | None = None
    """From the sender."""


@dataclass(eq=False)
class Attempts:
    """How messages are brought to one receiver."""

    receiver: str
    """Its name."""
    sender: Sender
    """May be changed between two attempts."""
    limit: Limit
    retry: Retry
    give_up_after: float
    """Seconds from a message's first attempt to its last."""
    may_send: Callable[[], bool]
    """Asked right before each attempt; while it says no, nothing is sent and nothing is lost."""
    failed: Callable[[], object]
    """Called after each attempt that will be followed by another."""
    pictures: Pictures
    """Asked once for each message, before its first attempt."""
    resting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no attempt is on its way."""
    spare: Spare = field(default_factory=Spare)
    """How long messages may wait for their pictures."""
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once no message is to wait for its picture any more."""
    no_more: bool = False
    """Whether none is to begin any more: who sends waits until cancelled."""

    def __post_init__(self) -> None:
        self.resting.set()

    async def send(self, message: Message) -> Result:
        """Returns when the receiver has it, or when it is given up."""
        message = await self._pictured(message)
        deadline: float | None = None
        failures = 0
        while True:
            await self._turn()
            if deadline is None:
                deadline = time.monotonic() + self.give_up_after
            try:
                return Result(Outcome.SENT, receipt=await self._attempt(message))
            except TemporaryError as error:
                stop_if_cancelled()
                left = deadline - time.monotonic()
                if left <= 0:
                    return Result(Outcome.GAVE_UP, f"gave up after {self.give_up_after:g} s: {error.reason}")
                failures += 1
                # The last attempt is made at the deadline, whatever the receiver asked for.
                pause = min(left, max(self.retry.pause(failures), error.retry_after or 0.0))
                self._tell(message, error.reason, pause)
                await asyncio.sleep(pause)
            except PermanentError as error:
                return Result(Outcome.REFUSED, error.reason)
            except Exception as error:  # one alert that breaks a sender must not stop those behind it
                stop_if_cancelled()
                return Result(Outcome.REFUSED, _bug(error))

    async def _pictured(self, message: Message) -> Message:
        """Has the picture drawn while the pause goes by that the limit asks for, and little longer."""
        if not self.sender.pictures or not self.spare.left:
            return await self.pictures.added(message, self.receiver, 0, self.hurry)
        free = self.limit.pause(time.monotonic())
        with self.spare.spending(free):
            within = min(MOST, self.spare.left + free)
            message = await self.pictures.added(message, self.receiver, within, self.hurry)
        return replace(message, spare=self.spare) if message.picture else message

    async def _attempt(self, message: Message) -> str | None:
        self.resting.clear()
        try:
            return await self.sender.send(message)
        finally:
            self.resting.set()
            self.limit.sent(time.monotonic())

    async def _turn(self) -> None:
        """Waits until a message may be sent; the last word has `may_send`."""
        await asyncio.sleep(self.limit.pause(time.monotonic()))
        while self.no_more or not self.may_send():  # noqa: ASYNC110 - a clock tells nobody
            await asyncio.sleep(MAY_SEND_PERIOD)

    def _tell(self, message: Message, reason: str, pause: float) -> None:
        self.failed()
        log.warning(
            "notify.retry",
            receiver=self.receiver,
            alerts=[alert.id for alert in message.alerts],
            reason=reason,
            pause=round(pause, 3),
        )


def _bug(error: Exception) -> str:
    """An error that no sender should raise: its kind and place, not its text, which may quote a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
