"""What a daemon takes on this machine, by how much it watches: the table of docs/operations.md.

Each symbol has the default indicators on four timeframes and six levels, none of which is crossed. The feed sends all
symbols in turns, 50 ticks a frame, on an exchange that never shuts. Memory and processor time are those of the daemon's
process (Linux: /proc), once it has settled; Redis' memory is what it uses for data.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from rich.console import Console
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from sampling import MIB
from tape import INDICATORS, TIMEFRAMES
from tapewatch.store.server import socket_path

CASES = ((1, 100), (10, 1_000), (100, 1_000), (100, 20_000), (1_000, 20_000), (10_000, 20_000))
"""Symbols, and ticks a second."""
PER_FRAME = 50
SETTLE_SECONDS = 8.0
MEASURE_SECONDS = 15.0
LEVELS = (80, 90, 95, 105, 110, 120)
PRICE = 100.0


@dataclass(frozen=True)
class Size:
    """Of one case."""

    symbols: int
    rate: int
    start: float
    """Seconds from the process' start to its first line that says it is ready."""
    memory: float
    """MiB resident."""
    core: float
    """Part of one core."""
    redis: float
    """MiB."""


async def measure(symbols: int, rate: int) -> Size:
    """Runs one daemon for `SETTLE_SECONDS` and `MEASURE_SECONDS`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with serve(lambda own: _send(own, symbols, rate), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with _daemon(_config(folder, symbols, port)) as (pid, start):
                await asyncio.sleep(SETTLE_SECONDS)
                busy, began = _cpu_seconds(pid), time.monotonic()
                await asyncio.sleep(MEASURE_SECONDS)
                core = (_cpu_seconds(pid) - busy) / (time.monotonic() - began)
                memory = await _redis_bytes(folder / "state") / MIB
                return Size(symbols, rate, start, _resident(pid), core, memory)


async def _send(client: ServerConnection, symbols: int, rate: int) -> None:
    """Ticks of all symbols in turns, a cent up and down, at a steady rate."""
    began, sent = time.monotonic(), 0
    with suppress(ConnectionClosed):
        while True:
            await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
            now = time.time_ns()
            trades = [
                {"s": f"S{(sent + i) % symbols}", "p": PRICE + (sent + i) // symbols % 2 / 100, "t": now}
                for i in range(PER_FRAME)
            ]
            await client.send(json.dumps(trades))
            sent += PER_FRAME


def _config(folder: Path, symbols: int, port: int) -> Path:
    lines = [
        f'name = "size"\nstate_dir = {json.dumps(str(folder / "state"))}\n[http]\nlisten = "off"',
        f'[[feed]]\nname = "tape"\nvendor = "json"\nurl = "ws://127.0.0.1:{port}"',
        'symbol = "s"\nprice = "p"\ntime = "t"\ntime_unit = "ns"',
    ]
    for k in range(symbols):
        lines.append(
            f'[[watch]]\nsymbol = "S{k}"\ncalendar = "24/7"\ntimeframes = {json.dumps(TIMEFRAMES)}\n'
            f"indicators = {json.dumps([str(own) for own in INDICATORS])}"
        )
        lines += [f'[[watch.level]]\nname = "{price}"\nprice = {price}' for price in LEVELS]
    config = folder / "config.toml"
    config.write_text("\n".join(lines))
    return config


@asynccontextmanager
async def _daemon(config: Path) -> AsyncIterator[tuple[int, float]]:
    """The process, and how long it took to be ready."""
    program, began = Path(sys.executable).with_name("tapewatch"), time.monotonic()
    process = await asyncio.create_subprocess_exec(
        program, "run", "--config", config, "--log-format", "json", stderr=asyncio.subprocess.PIPE, limit=MIB
    )
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            if b"daemon.ready" in line:
                break
        else:
            raise AssertionError("the daemon ended before it was ready")
        start = time.monotonic() - began
        reading = asyncio.create_task(_forget(process.stderr))
        yield process.pid, start
        reading.cancel()
    finally:
        process.terminate()
        await process.communicate()


async def _forget(lines: asyncio.StreamReader) -> None:
    while await lines.read(1 << 16):
        pass


def _cpu_seconds(pid: int) -> float:
    """User and system time so far; proc(5), fields 14 and 15 of stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    """MiB; proc(5), the second field of statm."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / MIB


async def _redis_bytes(state: Path) -> int:
    async with Redis(unix_socket_path=str(socket_path(state))) as redis:
        return int((await redis.info("memory"))["used_memory_dataset"])


def main() -> None:
    """A Markdown table on standard output."""
    parser = argparse.ArgumentParser(description="What a daemon takes, by how much it watches.")
    parser.add_argument("--symbols", type=int, help="One case alone.")
    parser.add_argument("--rate", type=int, default=1_000, help="Its ticks a second.")
    own = parser.parse_args()
    out = Console()
    out.print(
        "| symbols | ticks a second | start | memory | of one core | Redis |\n|---|---|---|---|---|---|"
    )
    for symbols, rate in [(own.symbols, own.rate)] if own.symbols else CASES:
        size = asyncio.run(measure(symbols, rate))
        out.print(
            f"| {size.symbols:,} | {size.rate:,} | {size.start:.1f} s | {size.memory:.0f} MiB | {size.core:.0%} |"
            f" {size.redis:.1f} MiB |"
        )


if __name__ == "__main__":
    main()
