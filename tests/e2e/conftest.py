"""The whole program between real servers: a feed, Redis, mail, webhooks."""

import json
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from exchange import Exchange
from house import House
from live import Place
from processes import Program
from tapes import DATA, Case, spy_case, synthetic_case

from tapewatch.config import Config
from tapewatch.replay import Replay


@dataclass(frozen=True)
class Expected:
    """What a tape must give."""

    lines: list[bytes]
    """JSON of each alert."""
    indicators: dict[bytes, bytes]
    """After the last tick, as the `now` hash writes them."""

    @property
    def ids(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.lines]


@pytest.fixture
def exchange() -> Exchange:
    """Not open yet; a module that wants another one has its own."""
    return Exchange("BTC/USD")


@pytest.fixture
async def place(tmp_path: Path, exchange: Exchange) -> AsyncIterator[Place]:
    """A daemon's at that exchange."""
    async with AsyncExitStack() as stack:
        one = Place(tmp_path, await stack.enter_async_context(exchange.open()), stack)
        yield one
        await one.close()


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return synthetic_case(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="session")
def spy(tmp_path_factory: pytest.TempPathFactory) -> Case:
    if not DATA.exists():
        pytest.skip("the market data of ../shared/data is not here")
    return spy_case(tmp_path_factory.mktemp("spy"))


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Awaitable[Expected]]:
    """What `tapewatch replay` says to a tape; worked out once."""
    known: dict[Case, Expected] = {}

    async def of(case: Case) -> Expected:
        if case not in known:
            folder = tmp_path_factory.mktemp("expected")
            config, alerts = folder / "config.toml", folder / "alerts.jsonl"
            config.write_text(f'name = "e2e"\n{case.watch}')
            replay = await Program.start("replay", case.tape, "--config", config, "--alerts", alerts)
            assert await replay.ended() == 0, replay.everything()
            known[case] = Expected(alerts.read_bytes().splitlines(), last_indicators(config, case))
        return known[case]

    return of


def last_indicators(config: Path, case: Case) -> dict[bytes, bytes]:
    replay = Replay(Config.model_validate(tomllib.loads(config.read_text())))
    stretches = replay.read([case.tape])
    replay.warm(stretches, [])
    for _ in replay.run(stretches):
        pass
    values = replay.engine.values(0).items()
    return {name.encode(): str(value).encode() for name, value in values if value == value}


@pytest.fixture
async def house(tmp_path: Path, synthetic: Case) -> AsyncIterator[House]:
    """On the synthetic tape."""
    async with AsyncExitStack() as stack:
        house = House(tmp_path, synthetic, stack)
        stack.push_async_callback(house.close)
        yield house


@pytest.fixture
async def spy_house(tmp_path: Path, spy: Case) -> AsyncIterator[House]:
    """On the SPY tape."""
    async with AsyncExitStack() as stack:
        house = House(tmp_path, spy, stack)
        stack.push_async_callback(house.close)
        yield house
