"""How late the event loop comes to what is due: what keeps it busy keeps every tick waiting."""

import asyncio
from time import monotonic
from typing import Never

from tapewatch.histogram import Histogram

LOOK_SECONDS = 0.1


async def measure_stalls(stalls: Histogram) -> Never:
    """Notes until cancelled how much longer each short sleep took than it was to; a process stopped counts, too."""
    while True:
        due = monotonic() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        stalls.add(max(0.0, monotonic() - due))
