"""What the engine takes of memory: its state a symbol, and whether it grows as the tape goes on.

Resident memory as Linux counts it in /proc/self/status, in a fresh process. Growth is up to the highest point on the
way (`VmHWM`), so that what the system takes back meanwhile hides nothing.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import count, cycle
from multiprocessing import get_context
from pathlib import Path

from figures import Figure
from peers.engine import open_engine
from tape import build

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
FORGET_HIGHEST = "5"
"""What has to be written there (proc(5))."""
SESSION_MINUTES = 390
TICKS_A_MINUTE = 1000
BATCH = 4096


def measure(symbols: int = 10_000, ticks: int = 10_000_000) -> list[Figure]:
    """State a symbol, and the growth over `ticks` with one symbol and with 100."""
    engine = open_engine(build(1, rate=1, rounds=1))
    (state,) = engine.snapshot([0]).values()
    assert state.bars is not None, "a first snapshot has both parts"
    resident = _apart(resident_of_symbols, symbols) / symbols
    figures = [
        Figure("snapshot of a symbol, hot part", len(state.hot), "bytes", goal="≤ 2,048"),
        Figure("snapshot of a symbol, bars part", len(state.bars), "bytes"),
        Figure(f"resident a symbol, {symbols:,} symbols", resident, "bytes", goal="≤ 12,288"),
    ]
    for n in (1, 100):
        growth = _apart(growth_of_tape, n, ticks)
        name = f"growth over {ticks:,} ticks, {n} symbol{'s' if n > 1 else ''}"
        figures.append(Figure(name, growth, "bytes", goal="flat"))
    return figures


def resident_of_symbols(symbols: int) -> int:
    """Bytes that an engine adds to a process: state, plan, and the objects that describe it."""
    open_engine(build(1, rate=1, rounds=1))
    market = build(symbols, rate=1, rounds=1)
    before = _resident("VmRSS")
    engine = open_engine(market)
    engine.step(market.rounds[0])
    return _resident("VmRSS") - before


def growth_of_tape(symbols: int, ticks: int) -> int:
    """Bytes that a process grows by as it takes `ticks`, after a first session.

    Every other session goes back over the prices of the one before, so that a tape of any length never jumps.
    """
    market = build(symbols, rate=TICKS_A_MINUTE // symbols, rounds=1, minutes=SESSION_MINUTES)
    engine = open_engine(market)
    there = market.rounds[0]
    back = there.copy()
    for name in ("symbol", "price"):
        back[name] = there[name][::-1]
    hours = market.sessions
    first = hours.at(int(there["time"][0]))
    done = before = 0
    for session, tape in zip(count(first), cycle((there, back)), strict=False):
        tape["time"] += hours.opens[session] - hours.opens[hours.at(int(tape["time"][0]))]
        for i in range(0, len(tape), BATCH):
            engine.step(tape[i : i + BATCH])
        if session == first:
            before = _resident("VmRSS")
            CLEAR.write_text(FORGET_HIGHEST)
            continue
        done += len(tape)
        if done >= ticks:
            break
    return _resident("VmHWM") - before


def _resident(kind: str) -> int:
    """Bytes: `VmRSS`, resident now, or `VmHWM`, the highest so far."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines[kind].removesuffix("kB")) * 1024


def _apart(function: Callable[..., int], *arguments: int) -> int:
    """The result of `function` in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()
