"""Alerts of tapewatch in a program of yours: live, or every one of them. Needs `pip install redis`, 6 or later.

python subscriber.py live unix:///home/me/.local/state/tapewatch/sp500/redis/redis.sock sp500
python subscriber.py all redis://127.0.0.1:6379 sp500 [FILE]

`live` listens to the channel: each alert as it is committed, and none of those that came while nobody listened.
`all` reads the stream and keeps in a file (seen.txt) how far it came, so that it misses none, whoever was away. Both
end on Ctrl-C or SIGTERM within a second, and come back by themselves when Redis does.
"""

import json
import signal
import sys
import threading
from pathlib import Path

from redis import ConnectionError, Redis, TimeoutError
from redis.backoff import NoBackoff
from redis.retry import Retry

stopping = threading.Event()


def handle(alert: dict) -> None:
    """Yours: what is to be done about an alert. Its fields are in docs/alerts.md."""
    print(alert["time"], alert["subject"], alert["type"], alert["data"]["price"], flush=True)


def live(redis: Redis, name: str) -> None:
    """Each alert as it is committed."""
    with redis.pubsub(ignore_subscribe_messages=True) as channel:
        channel.psubscribe(f"tapewatch:{name}:alerts:*")  # or subscribe(f"tapewatch:{name}:alerts:SPX")
        while not stopping.is_set():
            if message := channel.get_message(timeout=1.0):
                handle(json.loads(message["data"]))


def all_of_them(redis: Redis, name: str, file: Path) -> None:
    """Every alert that the stream still holds, the newest 100,000, and then each as it is committed.

    An alert whose id was seen is not handled again: a Redis that lost its last second gets it from tapewatch anew. A
    crash between `handle` and the line in the file has the last alert come twice: only `handle` could prevent that.
    """
    seen = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    last = seen[-1][0] if seen else "0"  # an entry of the stream
    ids = {line[-1] for line in seen}
    with file.open("a") as lines:
        while not stopping.is_set():
            for _, entries in (
                redis.xread({f"tapewatch:{{{name}}}:alerts": last}, count=100, block=1000) or ()
            ):
                for last, fields in entries:
                    if fields["id"] not in ids:
                        handle(json.loads(fields["json"]))
                    ids.add(fields["id"])
                    print(last, fields["id"], file=lines, flush=True)


def main(mode: str, url: str, name: str, file: str = "seen.txt") -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    # A line that is cut is noticed after 10 s. It is this loop that tries again, and not the library.
    wary = {"socket_timeout": 10, "health_check_interval": 5, "retry": Retry(NoBackoff(), 0)}
    while not stopping.is_set():
        try:
            with Redis.from_url(url, decode_responses=True, **wary) as redis:
                live(redis, name) if mode == "live" else all_of_them(redis, name, Path(file))
        except (ConnectionError, TimeoutError) as error:
            print(f"Redis is away: {error}", file=sys.stderr, flush=True)
            stopping.wait(1.0)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5) or sys.argv[1] not in ("live", "all"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
