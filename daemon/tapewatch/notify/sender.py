"""What a sender is, and the two ways in which it can fail."""

from typing import Protocol

from tapewatch.notify.message import Message
from tapewatch.redaction import redacted


class Sender(Protocol):
    """Brings messages to one receiver."""

    @property
    def pictures(self) -> bool:
        """Whether it shows `Message.picture`; none is drawn for it otherwise."""

    async def send(self, message: Message) -> str | None:
        """Returns once the receiver has taken the message.

        Returns:
            A receipt, which a later message may answer (`Message.answers`), of a receiver that has threads: at most
            200 printable ASCII characters without a blank; None of others.

        Raises:
            TemporaryError: it may work later.
            PermanentError: it will never work.
        """


class TemporaryError(Exception):
    """The receiver did not take the alert now; it may later."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(redacted(reason))  # what a receiver says may echo what we sent
        self.reason = str(self)
        """What went wrong, for ops; never a URL or a secret."""
        self.retry_after = retry_after
        """Seconds that the receiver asked us to wait, if it did."""


class PermanentError(Exception):
    """The receiver will never take this alert as it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(redacted(reason))  # what a receiver says may echo what we sent
        self.reason = str(self)
        """What went wrong, for ops; never a URL or a secret."""
