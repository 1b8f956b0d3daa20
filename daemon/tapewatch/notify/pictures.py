"""The chart and the link that go out with a message. Neither ever fails a delivery, nor delays one for long."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import structlog

from tapewatch.alerts.alert import Alert
from tapewatch.notify.message import Kind, Message
from tapewatch.notify.patience import stop_if_cancelled

MOST_ALERTS = 9
"""More in one message are a storm: its list says more than a chart of one of them, which nobody waits for then."""

Draw = Callable[[Alert], Coroutine[Any, Any, bytes | None]]
"""The chart of an alert (PNG); None: it has none, or it cannot be drawn in time. Asked by each receiver."""

Link = Callable[[Alert], str | None]
"""URL of an alert for people; None: it has none. Does no I/O."""

log = structlog.get_logger(__name__)


def links(url: str | None) -> Link | None:
    """Links to the page that people reach at `url`; None: there are none."""
    if url is None:
        return None
    return lambda alert: f"{url.rstrip('/')}/alerts/{alert.id}"


@dataclass(frozen=True)
class Pictures:
    """Who draws, and where alerts are shown; left out, messages go out without."""

    draw: Draw | None = None
    link: Link | None = None

    async def added(self, message: Message, receiver: str, within: float, hurry: asyncio.Event) -> Message:
        """The message with its link and, if it has one in time, its picture.

        Args:
            message: has neither yet.
            receiver: whose, for the log.
            within: seconds that may pass; 0: without a picture.
            hurry: from when it is set, nothing is waited for any more.
        """
        message = self._linked(message)
        if (
            self.draw is None
            or within <= 0
            or hurry.is_set()
            or message.kind is not Kind.ALERTS
            or len(message.alerts) > MOST_ALERTS
        ):
            return message
        return replace(message, picture=await _drawn(self.draw, message.lead, receiver, within, hurry))

    def _linked(self, message: Message) -> Message:
        if self.link is None or (message.kind is Kind.DIGEST and len(message.alerts) > 1):
            return message
        told = message.alerts[-1] if message.kind is Kind.SUMMARY else message.lead
        return replace(message, link=self.link(told))


NONE = Pictures()
"""No pictures, and no links."""


async def _drawn(
    draw: Draw, alert: Alert, receiver: str, within: float, hurry: asyncio.Event
) -> bytes | None:
    drawing, hurrying = asyncio.ensure_future(draw(alert)), asyncio.ensure_future(hurry.wait())
    try:
        await asyncio.wait((drawing, hurrying), timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if drawing.done():
            return drawing.result()
        if hurry.is_set():
            return None
        reason = f"it was not drawn within {within:.1f} s"
    except (Exception, asyncio.CancelledError) as error:  # whatever it is, the alert goes out
        stop_if_cancelled()
        reason = type(error).__name__
    finally:
        drawing.cancel()
        hurrying.cancel()
    log.warning("notify.picture_failed", receiver=receiver, alert=alert.id, reason=reason)
    return None
