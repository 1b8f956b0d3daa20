"""docs/tutorial.md, typed in as it stands: every command, by a shell, with a webhook in Slack's place."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from notify.receiver_servers import Endpoint, http_server
from somebody import Somebody

PAGE = Path(__file__).parents[1] / "docs/tutorial.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWER = re.compile(r"^\| ([^|]+) \| (Enter|`[^`]+`|paste it)[^|]*\|$", re.MULTILINE)
RUNS_ON = "until Ctrl-C"
ELSEWHERE = {"--scenario sp500-7000": " --port 0", "--symbol BTC/USD": " --history none"}
"""What tests must not do: take a port that somebody has, ask a vendor on the net."""


class Reader:
    """Somebody who types what the page says, each block in the folder where the one before ended."""

    def __init__(self, home: Path) -> None:
        self.folder = home
        self.running: list[asyncio.subprocess.Process] = []
        clean = {name: own for name, own in os.environ.items() if not name.startswith("TAPEWATCH_")}
        path = f"{Path(sys.executable).parent}:{clean['PATH']}"
        cache = clean.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # what is compiled is compiled
        self.env = clean | {"HOME": str(home), "PATH": path, "XDG_CACHE_HOME": cache}

    async def types(self, block: str) -> str:
        """What the block prints."""
        shell = await self._shell(f"set -e\n{block}\necho; pwd")
        out, err = await asyncio.wait_for(shell.communicate(), 60)
        assert shell.returncode == 0, f"{block}: {out.decode()}{err.decode()}"
        said, _, folder = out.decode().rstrip("\n").rpartition("\n")
        self.folder = Path(folder)
        return said

    async def starts(self, block: str) -> asyncio.subprocess.Process:
        """What runs until Ctrl-C; it says so much that nobody reads it all."""
        shell = await self._shell(f"exec {block} 2>>{self.folder}/said.log")
        self.running.append(shell)
        return shell

    async def _shell(self, text: str) -> asyncio.subprocess.Process:
        bash = shutil.which("bash")
        if bash is None:
            pytest.skip("there is no bash")
        return await asyncio.create_subprocess_exec(
            *(bash, "-c", text),
            cwd=self.folder,
            env=self.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def leaves(self) -> None:
        """Ctrl-C in every terminal; all must be well."""
        for own in reversed(self.running):
            own.send_signal(signal.SIGINT)
            await asyncio.wait_for(own.communicate(), 60)
            assert own.returncode == 0, (self.folder / "said.log").read_text()
        self.running.clear()


def blocks() -> Iterator[str]:
    for text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for words, more in ELSEWHERE.items():
            text = text.replace(words, words + more)
        yield text


def answered(folder: Path, url: str) -> None:
    """The questions of `tapewatch init`, with the answers of the page's table."""
    desk = Somebody(folder, "init")
    for prompt, answer in ANSWER.findall(PAGE.read_text(encoding="utf-8")):
        typed = {"Enter": "", "paste it": url}.get(answer, answer.strip("`"))
        desk.answers(re.escape(prompt), f"{typed}\n")
    assert desk.end() == 0, desk.seen
    assert url not in desk.seen


async def test_a_newcomer_gets_to_the_first_message(tmp_path: Path) -> None:
    slack = Endpoint()
    async with http_server(slack) as url:
        reader = Reader(tmp_path)
        said = {}
        try:
            for block in blocks():
                if block.strip() == "tapewatch init":
                    await asyncio.to_thread(answered, reader.folder, url)
                elif "tapewatch simulate" in block:
                    market = await reader.starts(block.partition("#")[0])
                    assert market.stdout
                    line = (await asyncio.wait_for(market.stdout.readline(), 60)).decode()
                    config = reader.folder / "tapewatch.toml"
                    address = line.rpartition(" ")[2].strip()
                    text = config.read_text().replace("ws://127.0.0.1:8765", address)
                    config.write_text(f'http.listen = "off"\n{text}')
                elif RUNS_ON in block:
                    before = len(slack.received)
                    await reader.starts(block.partition("#")[0])
                    async with asyncio.timeout(60):  # the first start compiles
                        while len(slack.received) == before:
                            with suppress(TimeoutError):
                                await slack.has(before + 1)
                elif block.startswith("rm"):
                    await reader.leaves()
                    await reader.types(block)
                else:
                    said[block.split()[1]] = await reader.types(block)
        finally:
            for own in reader.running:  # something went wrong
                own.kill()
                await own.wait()
    test, first, *_ = (json.loads(own.body) for own in slack.received)
    assert "test" in json.dumps(test)
    assert "S&amp;P 500 (simulated)" in json.dumps(first)
    assert "tapewatch.toml: good: 1 watch, 14 rules, 1 receiver" in said["check"] or said["init"]
    assert "slack" in said["status"]  # the block with log and silence too
    assert "lunch" in said["status"]
    assert (tmp_path / ".bash_completions/tapewatch.sh").is_file()
    assert 'url_file = "slack.url"' in (reader.folder / "bitcoin.toml").read_text()
