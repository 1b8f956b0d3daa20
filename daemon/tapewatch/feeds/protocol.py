"""What every vendor's class fulfils: frames in, ticks and messages to send out; no I/O, no clock.

`connection.py` drives any of them. A vendor is one file with such a class and one test file of frames.
Model: python-websockets, https://websockets.readthedocs.io/en/stable/howto/sansio.html
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np

from tapewatch.feeds.blank import Blank

_SAMPLE_LENGTH = 160
_SAID_LENGTH = 200


@dataclass(frozen=True)
class Credentials:
    """What a vendor knows us by; empty where it does not ask."""

    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


class RefusalKind(StrEnum):
    """Why a vendor does not let us in."""

    BAD_KEY = "bad key"
    NOT_ENTITLED = "not entitled"
    BAD_URL = "bad URL"
    TOO_MANY_CONNECTIONS = "too many connections"


@dataclass(frozen=True)
class Refusal:
    """The vendor lets us in no further on this connection."""

    kind: RefusalKind
    text: str
    """What the vendor said and what would help, for the one who must act."""


class FaultKind(StrEnum):
    """What can be wrong with what a vendor sends."""

    NOT_JSON = "not JSON"
    NOT_OF_PROTOCOL = "not of the protocol"
    """JSON, but no frame or message that the vendor documents."""
    WRONG_TYPE = "wrong type"
    """A known message with a field that is missing, of another type, or out of range."""
    VENDOR_ERROR = "vendor error"
    """The vendor reported an error that refuses nothing."""
    MESSAGES_LOST = "messages lost"
    """The vendor's numbering of its messages has a gap: some never came."""


class Faults:
    """Counts faults by kind and keeps the last sample of each, made fit for a log line.

    Args:
        credentials: blanked in the samples.
    """

    def __init__(self, credentials: Credentials) -> None:
        self.counts: Counter[FaultKind] = Counter()
        self.samples: dict[FaultKind, str] = {}
        self._blank = Blank((credentials.key, credentials.secret))

    def add(self, kind: FaultKind, what: bytes) -> None:
        """Count one fault. `what` is kept shortened, in ASCII, and without a secret should one be echoed."""
        self.counts[kind] += 1
        # Blanked before it is shortened, so that no half of the secret is left at the cut.
        start = self._blank(bytes(what[: _SAMPLE_LENGTH + self._blank.reach]))
        self.samples[kind] = repr(start[:_SAMPLE_LENGTH])[2:-1]

    def said(self, text: str) -> str:
        """`text` of the vendor's without a secret should one be echoed."""
        return self._blank.text(text)

    def quoted(self, text: str) -> str:
        """The same, shortened and in ASCII, between quotes."""
        return ascii(self.said(text)[:_SAID_LENGTH])

    def clear(self) -> None:
        """Begin anew, once someone has taken the counts."""
        self.counts.clear()
        self.samples.clear()


class VendorProtocol(Protocol):
    """One connection to a vendor, from the first byte to the last; a new connection takes a new object.

    Made from the credentials and `instruments`, the engine's number of each by the vendor's name for it.
    """

    subscribed: bool
    """The vendor let us in and confirmed a subscription, or, where it confirms none, has been asked for it."""
    refusal: Refusal | None
    """Set when the vendor refuses us; the connection is then of no more use."""
    faults: Faults

    def open(self) -> list[str]:
        """Messages to send once connected; empty where the vendor speaks first."""

    def receive(self, frame: bytes) -> np.ndarray:
        """Rows of `market.ticks.TICK` in `frame`, in its order; none for a control message.

        Whatever the bytes, it raises nothing: what is wrong is counted in `faults`, and one bad message does
        not lose the good ones beside it.
        """

    def replies(self) -> list[str]:
        """Messages to send now, in answer to what came in; each is handed out once."""

    def watch(self, instruments: Mapping[str, int]) -> None:
        """From now on these are wanted, on the same connection: `replies` asks for what is new and ends what is gone.

        What stays is not asked for again; before the login is over, nothing is sent yet.
        """
