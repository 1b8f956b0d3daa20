"""The daemon under a service manager, of which only the socket is there."""

import asyncio
import socket
from pathlib import Path

from house import House
from processes import PATIENCE, Program


class Manager:
    """Hears what the daemon says."""

    def __init__(self, address: Path) -> None:
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self._socket.setblocking(False)

    async def hears(self, word: str, count: int = 1) -> None:
        """Returns once it was said so often."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while sum(one.startswith(word) for one in self.heard) < count:
                self.heard.append((await loop.sock_recv(self._socket, 4096)).decode())

    def close(self) -> None:
        self._socket.close()


async def test_ready_comes_after_the_feed_is_subscribed(house: House) -> None:
    manager = Manager(house.folder / "notify")
    house.env |= {"NOTIFY_SOCKET": str(house.folder / "notify"), "WATCHDOG_USEC": "2000000"}
    house.write(port := free_port())
    daemon = await house.daemon()
    await daemon.logged("feed.lost")
    await manager.hears("EXTEND_TIMEOUT_USEC=")
    await manager.hears("STATUS=leading: 1 symbol on tape (")
    assert "not ready: feed tape: " in manager.heard[-1]
    assert "READY=1" not in manager.heard
    assert "NOTIFY_SOCKET" not in environment_of_redis(house)

    await simulate(house, port)
    await manager.hears("READY=1")
    await daemon.logged("feed.subscribed")
    before = len(manager.heard)
    await manager.hears("WATCHDOG=1", manager.heard.count("WATCHDOG=1") + 3)
    assert not any(one.startswith("EXTEND_TIMEOUT_USEC=") for one in manager.heard[before:])
    await manager.hears("STATUS=leading: 1 symbol on tape (subscribed")
    assert await daemon.stop() == 0
    manager.close()


async def simulate(house: House, port: int) -> Program:
    tape = ("--tape", house.case.tape, "--symbol", house.case.symbol, "--from-start", "--speed", "600x")
    return await house.program("simulate", "--vendor", "massive", "--port", port, *tape)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def environment_of_redis(house: House) -> str:
    """Of the daemon's child."""
    parent = house.programs[-1].process.pid
    (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return Path(f"/proc/{child}/environ").read_text()
