"""`make soak`: half an hour at 20,000 ticks a second with an alert now and then, to a webhook and by mail; what grows?

Memory, open files and Redis every ten seconds. Flat is what does not grow over the last two thirds of the time, by the
straight line that fits best. Streams and the ids of their entries grow with each alert until they are trimmed, and are
shown for themselves.

Exits with 1 if anything grows, or if the webhook did not get each alert. A table and a line for the docs go to the
terminal.
"""

import argparse
import json
import socket
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from redis import Redis
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from daemon_side import Running, running
from market_side import Outcome, Plan
from sampling import Sample, growth, sample
from tapewatch.store.keys import Keys
from timing import pin

KEYS = Keys("bench")
SECRETS = {"TAPEWATCH_RECEIVER_PROGRAM_SECRET": "whsec_" + b64encode(bytes(32)).decode()}
RATE = 20_000
PER_FRAME = 10
ALERT_EVERY = 2.0
SAMPLE_SECONDS = 10.0
LIMITS = {"resident": 8.0, "files": 2.0, "redis": 1.0}
"""By how much each may grow: MiB, descriptors, MiB."""
SHOWN = {
    "resident": "resident memory, MiB",
    "files": "file descriptors",
    "redis": "Redis, MiB",
    "logs": "its logs, MiB",
}
DELIVERED_WITHIN = 10.0
"""Seconds after the last alert."""


@dataclass
class Receivers:
    """A webhook and a mail server on loopback."""

    ids: list[str] = field(default_factory=list)
    """Of the alerts that the webhook got, in their order."""
    mails: int = 0

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yields the config of both receivers."""
        controller = Controller(_Mailbox(self), hostname="127.0.0.1", port=_free_port())
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            controller.start()
            try:
                yield (
                    f'[[receiver]]\nname = "program"\nkind = "webhook"\nurl = "http://127.0.0.1:{server.server_port}/"\n'
                    f'[[receiver]]\nname = "desk"\nkind = "email"\nhost = "127.0.0.1"\nport = {controller.port}\n'
                    'security = "none"\nsender = "tapewatch@example.com"\nto = ["desk@example.com"]\n'
                    '[[route]]\nreceivers = ["program", "desk"]\n'
                )
            finally:
                controller.stop()
                server.shutdown()


class _Mailbox:
    def __init__(self, own: Receivers) -> None:
        self._own = own

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802
        self._own.mails += 1
        return "250 taken"


def _handler(own: Receivers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            own.ids.append(json.loads(body)["id"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass(frozen=True)
class Soaked:
    """What was seen."""

    samples: list[Sample]
    outcome: Outcome
    ids: list[str]
    """Of the alerts in the stream."""
    received: list[str]
    mails: int
    refused: int
    exit_code: int

    @property
    def grown(self) -> list[str]:
        """What did, beyond its limit."""
        return [name for name, limit in LIMITS.items() if growth(self.samples, name).grown > limit]

    @property
    def complete(self) -> bool:
        """Whether nothing was lost."""
        heard = [event for event, _, _ in self.outcome.heard]
        all_there = heard == self.outcome.expected and self.received == self.ids and self.mails > 0
        return all_there and len(self.ids) == len(heard) and not (self.refused or self.exit_code)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, and nothing grew."""
        return self.complete and not self.grown


def measure(
    seconds: float, rate: int = RATE, every: float = SAMPLE_SECONDS, alert_every: float = ALERT_EVERY
) -> Soaked:
    """Runs it."""
    receivers = Receivers()
    samples: list[Sample] = []
    with (
        receivers.serving() as config,
        running(Plan(rate, PER_FRAME, seconds, alert_every, pause=0.001), config, SECRETS) as both,
        Redis(unix_socket_path=both.redis) as redis,
    ):
        done = threading.Event()
        watching = threading.Thread(target=_watch, args=(both, redis, samples, every, done))
        watching.start()
        try:
            outcome = both.outcome()
        finally:
            done.set()
            watching.join()
        ids = [entry[b"id"].decode() for _, entry in redis.xrange(KEYS.alerts)]
        _until(lambda: len(receivers.ids) >= len(ids) and receivers.mails > 0)
        code = both.stop_daemon()
        refused = sum(event["count"] for event in both.events("ticks.refused"))
    return Soaked(samples, outcome, ids, receivers.ids, receivers.mails, refused, code)


def _watch(both: Running, redis: Redis, samples: list[Sample], every: float, done: threading.Event) -> None:
    began = time.monotonic()
    while not done.wait(every) and both.daemon.poll() is None:
        samples.append(sample(both.daemon.pid, redis, KEYS, time.monotonic() - began))


def _until(reached, seconds: float = DELIVERED_WITHIN) -> None:
    began = time.monotonic()
    while not reached() and time.monotonic() - began < seconds:
        time.sleep(0.1)


def table(own: Soaked) -> Table:
    """For people."""
    found = Table("over the last two thirds", "from", "to", "highest", "", box=SIMPLE)
    for name, shown in SHOWN.items():
        it = growth(own.samples, name)
        verdict = "" if name not in LIMITS else "GROWS" if name in own.grown else "flat"
        found.add_row(shown, f"{it.first:.1f}", f"{it.last:.1f}", f"{it.highest:.1f}", verdict)
    return found


def line(own: Soaked) -> str:
    """A row of a table in the docs."""
    minutes = own.outcome.seconds / 60
    cells = [f"{date.today()}", f"{minutes:.0f} min", f"{own.outcome.ticks:,}", f"{len(own.ids):,}"]
    for name in LIMITS:
        it = growth(own.samples, name)
        cells.append(
            f"{it.first:.0f} → {it.last:.0f}" if name == "files" else f"{it.first:.1f} → {it.last:.1f}"
        )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measures, prints, judges."""
    said = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    said.add_argument("--minutes", type=float, default=30)
    minutes = said.parse_args().minutes
    pin()
    own = measure(minutes * 60)
    console = Console(width=None if sys.stdout.isatty() else 130)
    console.print(table(own))
    console.print(
        f"{own.outcome.ticks:,} ticks, {own.refused:,} refused; {len(own.outcome.expected):,} alerts expected, "
        f"{len(own.ids):,} in the stream, {len(own.received):,} at the webhook, {own.mails:,} mails"
    )
    print(line(own))
    sys.exit(not own.good)


if __name__ == "__main__":
    main()
