"""What one connection to a vendor is about, whoever it is: what we watch, what we ask, whether it lets us in."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from tapewatch.feeds.protocol import Credentials, Faults, Refusal, RefusalKind

SYMBOLS_PER_MESSAGE = 500
"""A longer list of subscriptions is sent as several messages."""


class Session(ABC):
    """Every vendor's protocol is one; see `VendorProtocol`.

    Args:
        credentials: what the vendor knows us by.
        instruments: the engine's number of each, by the vendor's name for it.
    """

    def __init__(self, credentials: Credentials, instruments: Mapping[str, int]) -> None:
        self.subscribed = False
        self.refusal: Refusal | None = None
        self.faults = Faults(credentials)
        self._instruments = dict(instruments)
        self._may_ask = False
        """The vendor takes subscriptions by now."""
        self._replies: list[str] = []

    def open(self) -> list[str]:
        """None: the server speaks first."""
        return []

    def replies(self) -> list[str]:
        """Messages to send now."""
        replies, self._replies = self._replies, []
        return replies

    def watch(self, instruments: Mapping[str, int]) -> None:
        """Other instruments from now on, on the same connection."""
        before, self._instruments = self._instruments, dict(instruments)
        if not self._may_ask:
            return
        # What is gone goes first: the plan may limit how many there are at a time.
        for action, symbols in (
            ("unsubscribe", [symbol for symbol in before if symbol not in instruments]),
            ("subscribe", [symbol for symbol in instruments if symbol not in before]),
        ):
            if symbols:
                self._ask(action, symbols)

    def _subscribe(self) -> None:
        """Asks for all that is watched, now that the vendor takes subscriptions."""
        self._may_ask = True
        if self._instruments:
            self._ask("subscribe", list(self._instruments))

    @abstractmethod
    def _ask(self, action: str, symbols: Sequence[str]) -> None:
        """Puts what the vendor has to be told among the replies: `action` is "subscribe" or "unsubscribe"."""

    def _refuse(self, kind: RefusalKind, text: str) -> None:
        """The vendor refuses us; what it says first is why."""
        self.refusal = self.refusal or Refusal(kind, text)


def batches(symbols: Sequence[str]) -> Iterator[list[str]]:
    """`symbols` in parts that one message takes."""
    rest = iter(symbols)
    while part := list(islice(rest, SYMBOLS_PER_MESSAGE)):
        yield part
