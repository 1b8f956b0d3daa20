"""What a service tells systemd: datagrams of `NAME=value` lines to the socket that $NOTIFY_SOCKET names.

Sources: sd_notify(3), sd_watchdog_enabled(3) of systemd 252.
"""

import os
import socket
import time
from collections.abc import MutableMapping
from typing import Self

_MICROSECONDS = 1_000_000


class Notifier:
    """Tells the service manager how it goes. Nothing here waits or raises: alerts matter more than who hears of them.

    Args:
        address: of its socket: a path, or `@name` for an abstract one; None: nobody listens, and nothing is sent.
        period: seconds within which `watchdog` has to be called again and again; None: nobody minds.
    """

    def __init__(self, address: str | None, period: float | None = None) -> None:
        self.period = period
        self.said_ready = False
        """Whether the manager has heard so: it is not to hear of a reload before."""
        self.unheard = False
        """Whether `ready` was said last and not heard, as after a reload: it is to be said again."""
        self._address = _raw(address)
        self._socket = _datagrams() if self._address else None

    @classmethod
    def from_environ(cls, environ: MutableMapping[str, str] = os.environ) -> Self:
        """As the service manager set the environment; the variables are removed, so that no child inherits them."""
        address = environ.pop("NOTIFY_SOCKET", None)
        microseconds, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        ours = pid in ("", str(os.getpid()))
        asked = ours and microseconds.isascii() and microseconds.isdigit() and int(microseconds) > 0
        return cls(address, int(microseconds) / _MICROSECONDS if asked else None)

    def __bool__(self) -> bool:
        """Whether somebody listens."""
        return self._socket is not None

    def ready(self) -> bool:
        """It is up, or done with reloading. Returns whether the manager ever heard it; if not, say it again."""
        self.unheard = not self._send("READY=1")
        self.said_ready = self.said_ready or not self.unheard
        return self.said_ready

    def status(self, line: str) -> bool:
        """A line for people, which `systemctl status` shows."""
        return self._send("STATUS=" + " ".join(line.split()))

    def watchdog(self) -> bool:
        """It lives; who does not say so within `period` is killed."""
        return self._send("WATCHDOG=1")

    def reloading(self) -> bool:
        """It reads its config again, until `ready`."""
        return self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> bool:
        """It is about to end."""
        return self._send("STOPPING=1")

    def extend(self, seconds: float) -> bool:
        """The start, or stop, may take so long from now, whatever the unit says."""
        return self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * _MICROSECONDS)}")

    def _send(self, text: str) -> bool:
        if self._socket is None or self._address is None:
            return True
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError:  # it is away, or does not read what it has
            return False
        return True


def _raw(address: str | None) -> str | None:
    """As the kernel wants it: the name of an abstract socket begins with a zero byte."""
    if address and address.startswith("@"):
        return "\0" + address[1:]
    return (
        address if address and address.startswith("/") else None
    )  # newer ones know vsock: we are no machine


def _datagrams() -> socket.socket | None:
    try:
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    except OSError:
        return None
    own.setblocking(False)
    return own
