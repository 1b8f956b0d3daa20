"""A daemon at an exchange that trades now."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from exchange import Exchange
from house import KEYS, client
from processes import Program, environment

from notify.receiver_servers import redis_server

CONFIG = """
name = "e2e"
state_dir = {state}
http.listen = "127.0.0.1:0"

[[feed]]
name = "btc"
vendor = "kraken"
url = "ws://127.0.0.1:{port}"
{history}

[[watch]]
symbol = "BTC/USD"
feed_symbol = "BTC/USD"
calendar = "24/7"
timeframes = ["1m"]
max_jump = "off"
rearm = "0.1%"
{watch}
"""


class Place:
    """A daemon's surroundings at an exchange that trades now."""

    def __init__(self, folder: Path, exchange: Exchange, stack: AsyncExitStack) -> None:
        self.exchange = exchange
        self.config = folder / "config.toml"
        self.env = environment()
        self._folder, self._stack = folder, stack
        self._programs: list[Program] = []

    async def redis(self) -> Any:
        (self._folder / "r").mkdir()
        path = await self._stack.enter_async_context(redis_server(self._folder / "r"))
        self.env["TAPEWATCH_REDIS_URL"] = f"unix://{path}"
        return await self._stack.enter_async_context(client(path))

    def write(self, watch: str, history: bool = True) -> None:
        asked = f'history_url = "{self.exchange.bars_url}"' if history else ""
        state = json.dumps(str(self._folder / "state"))
        self.config.write_text(
            CONFIG.format(state=state, port=self.exchange.port, history=asked, watch=watch)
        )

    async def daemon(self) -> Program:
        self._programs.append(
            await Program.start("run", "--config", self.config, "--log-format", "json", env=self.env)
        )
        return self._programs[-1]

    async def close(self) -> None:
        for program in self._programs:
            await program.kill()


async def alerts(redis: Any) -> list[dict[str, Any]]:
    return [json.loads(fields[b"json"]) for _, fields in await redis.xrange(KEYS.alerts)]


def told(alert: dict[str, Any]) -> tuple[str, str, bool, str | None]:
    data = alert["data"]
    return alert["type"].removeprefix("tapewatch."), data["rule"], data["late"], data["gap"]


async def until_place(redis: Any, time_ns: int) -> None:
    """Returns when the tick of that time is committed to the board."""
    while (await redis.hget(KEYS.now("BTC/USD"), "time_ns")) != str(time_ns).encode():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
