"""What a fault is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from chaos.scene import Scene
from chaos.verdict import NOTHING, Allowed

Strike = Callable[[Scene, Random], Awaitable[str]]
"""Does it, and undoes it where it does not pass by itself; returns a word on how it was done."""


class NotStruckError(Exception):
    """The fault did not take place: the run shows nothing."""


@dataclass(frozen=True)
class Fault:
    """One way in which things go wrong."""

    name: str
    what: str
    """For people."""
    strike: Strike
    allowed: Allowed = NOTHING
    ends: tuple[int, ...] = ()
    """Exit codes of daemons that it ends."""
    standby: bool = False
    """It takes a second daemon."""
    redis_away: bool = False
    """Redis itself ends: subscribers lose their line, and what is published meanwhile."""
    share: int = 6
    """In how many runs, of all."""


def must(happened: object, what: str) -> None:
    """Raises NotStruckError if it did not."""
    if not happened:
        raise NotStruckError(what)


async def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns when it holds; raises NotStruckError if it never does."""
    try:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise NotStruckError(f"nothing came of it within {seconds:g} s") from None
