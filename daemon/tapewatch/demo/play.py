"""`tapewatch demo`: the whole product on this machine, on a simulated tape.

A Redis of its own, the simulator, the daemon and a terminal that reads what any program may read: the `now` hash
and the pub/sub channel. Nothing is left running, and nothing is left behind.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tapewatch import example, service
from tapewatch.background import first_of
from tapewatch.check import load
from tapewatch.config import Config, Http, MassiveFeed
from tapewatch.demo import cleanup
from tapewatch.demo.view import View
from tapewatch.feeds.massive.server import MassiveServer
from tapewatch.feeds.played import SCENARIO_SYMBOL, Played
from tapewatch.feeds.scenario import Scenario, sp500_7000
from tapewatch.feeds.simulator import Simulator
from tapewatch.market.sessions import sessions
from tapewatch.ops import logs
from tapewatch.store.child import socket_path

LINGER_SECONDS = 1.5
"""After the last tick, so that what it fired is seen."""

NIGHT_SECONDS = 60
"""Tape seconds that the night between two sessions takes."""


async def run_demo(stop: asyncio.Event, seconds: float) -> None:
    """Plays the scenario in about `seconds`, or until `stop`."""
    os.environ.pop("TAPEWATCH_REDIS_URL", None)  # the demo's alerts have no business in anybody's Redis
    os.environ.pop("TAPEWATCH_HTTP_TOKEN", None)  # whoever starts it may look at it
    logs.configure(level="error")
    scenario = sp500_7000(sessions("XNYS"))
    with _folder() as folder:
        async with _simulated(scenario, seconds) as simulator:
            config = _config(scenario, folder, simulator.port)
            view = View(config, scenario, seconds)
            await _play(config, simulator, view, stop)
    view.finish()


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder; `cleanup` sees to it, and to the Redis in it, should this process be killed."""
    folder = Path(tempfile.mkdtemp(prefix="tapewatch-"))
    redis = socket_path(folder)
    ours = (folder, redis.parent)
    command = [sys.executable, "-S", "-E", cleanup.__file__, *map(str, (redis, *ours))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):  # noqa: S603  our own program
        try:
            yield folder
        finally:
            for own in ours:
                shutil.rmtree(own, ignore_errors=True)


@asynccontextmanager
async def _simulated(scenario: Scenario, seconds: float) -> AsyncIterator[Simulator]:
    tape = scenario.tape()
    played = Played(tape.rows({scenario.symbol: 0}), [SCENARIO_SYMBOL])
    simulator = Simulator(
        MassiveServer,
        played.ticks,
        played.symbols,
        from_start=True,
        longest_gap=NIGHT_SECONDS,
    )
    simulator.speed = simulator.length / seconds
    async with simulator.serve():
        yield simulator


def _config(scenario: Scenario, folder: Path, port: int) -> Config:
    """The default watch, on the simulated feed, with the scenario's history, its title and a folder of its own."""
    scenario.write(folder)
    key = folder / "feed.key"
    key.write_text("demo")
    base = load(example.config())
    watch = base.watch[0].model_copy(
        update={
            "title": scenario.title,
            "history": [folder / f"{scenario.symbol}-{timeframe}.csv" for timeframe in scenario.history],
        }
    )
    feed = MassiveFeed(
        name=base.feed[0].name, vendor="massive", url=f"ws://127.0.0.1:{port}", clock="tape", key_file=key
    )
    return base.model_copy(
        update={
            "name": "demo",
            "state_dir": folder,
            "http": Http(listen=f"127.0.0.1:{_free_port()}"),  # a daemon of theirs may have the usual one
            "feed": [feed],
            "watch": [watch],
            "receiver": [],
            "route": [],
        }
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


async def _play(config: Config, simulator: Simulator, view: View, stop: asyncio.Event) -> None:
    """Daemon and view, until the tape has ended or `stop`; the view leaves first, as its Redis goes with the daemon."""
    ready, seen, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run(config, over, ready=ready.set))
        await first_of(ready.wait(), stop.wait())
        if not stop.is_set():
            showing = group.create_task(view.show(seen))
            await first_of(_ended(simulator), stop.wait())
            seen.set()
            await showing
        over.set()


async def _ended(simulator: Simulator) -> None:
    await simulator.finished.wait()
    await asyncio.sleep(LINGER_SECONDS)
