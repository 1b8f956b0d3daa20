"""What the image weighs, as operations.md tells it: `PYTHONPATH=tests .venv/bin/python -m image.measure`, as root."""

import asyncio
import re
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from e2e.tapes import synthetic_case
from image.box import Box, Image, opened
from image.building import build
from image.surroundings import Surroundings, alerts_reach

ROUNDS = 5


def program_bytes(image: Image) -> int:
    """What the image adds to its base, unpacked."""
    files = [path.lstat() for path in (image.tree / "opt/tapewatch").rglob("*") if not path.is_dir()]
    return sum(own.st_blocks * 512 for own in files)


def memory(box: Box) -> str:
    """Of the daemon alone: resident now, and at most."""
    now, most = (int(re.findall(rf"{name}:\s+(\d+)", box.status())[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return f"{now:.0f} MB resident, {most:.0f} MB at most"


async def start(image: Image, folder: Path) -> tuple[float, str]:
    """Seconds until everything runs, and what it takes after some alerts; one symbol, Redis as a child."""
    async with AsyncExitStack() as stack:
        around = Surroundings(image, synthetic_case(folder), folder, stack)
        around.write(await around.feed())
        began = time.monotonic()
        box = await around.box(stack)
        await box.program.logged("daemon.ready")
        took = time.monotonic() - began
        await alerts_reach(await around.child_redis(), 5, box)
        return took, memory(box)


def main() -> None:
    with opened(build("tapewatch:test")) as image:
        print(f"added to the base: {program_bytes(image) / 1e6:.0f} MB")
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(dir="/tmp") as folder:
                took, taken = asyncio.run(start(image, Path(folder)))
            print(f"ready after {took:.2f} s; {taken}")


if __name__ == "__main__":
    main()
