"""The config's JSON Schema, as editors use it: by taplo (VS Code's Even Better TOML) and by tombi, the programs."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tapewatch.check.keys import all_tables
from tapewatch.config import Config, json_schema
from tapewatch.config.schema import OFFERED

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "docs/config.schema.json"
CONFIGS = sorted((ROOT / "config").glob("*.toml"))
DIRECTIVE = "#:schema ../docs/config.schema.json\n"
COPIED = {"sp500.toml"}
"""Goes into the installed package, where that path leads nowhere."""


def program(name: str) -> str:
    """Of the test's own environment, or any."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"there is no {name}: pip install {name}")
    return found


def everything(part: Any) -> Iterator[Any]:
    yield part
    for own in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from everything(own)


def test_the_schema_in_the_docs_is_that_of_the_program() -> None:
    own = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA.read_text(encoding="utf-8") == own, "run python docs/make.py"


def test_it_is_a_schema_that_says_nothing_toml_cannot() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert not [own for own in everything(schema) if own is None or own == {"type": "null"}]


def test_every_key_is_described() -> None:
    parts = json_schema()["$defs"]
    for where, table in all_tables():
        properties = json_schema()["properties"] if table is Config else parts[table.__name__]["properties"]
        for key in table.toml_keys():
            if key not in ("vendor", "kind"):
                assert properties[key].get("description"), f"{where}: {key}"
    for table, key in (("Feed", "vendor"), ("Receiver", "kind")):
        assert parts[table]["properties"][key]["description"]


def _offered() -> Iterator[Any]:
    for table, keys in OFFERED.items():
        for key, values in keys.items():
            for value in values:
                yield pytest.param(table, key, value, id=f"{table} {key}: {value}")


@pytest.mark.parametrize(("table", "key", "value"), list(_offered()))
def test_what_is_offered_is_taken(table: str, key: str, value: Any) -> None:
    (model,) = {own for _, own in all_tables() if own.__name__ == table}
    needed = {
        "Watch": {"symbol": "SPX"}, "Level": {"price": 1}, "Zone": {"low": 1, "high": 2},
        "Condition": {"name": "x", "when": "price crosses 1"},
    }.get(table, {})  # fmt: skip
    several = json_schema()["$defs"][table]["properties"][key].get("type") == "array"
    own = model.model_validate({**needed, key: [value] if several else value})
    if key == "when":
        assert own.parsed  # type: ignore[attr-defined]


def errors(text: str) -> list[str]:
    """What taplo says of a config."""
    ran = subprocess.run(
        [program("taplo"), "lint", "--no-auto-config", "--schema", SCHEMA.as_uri(), "-"],
        input=text, capture_output=True, text=True, timeout=60, env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip
    lines = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert (ran.returncode == 0) == (not lines), ran.stderr
    return list(dict.fromkeys(line.removeprefix("error: ") for line in lines))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_taplo_takes_the_examples_by_their_own_directive(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith(DIRECTIVE) == (file.name not in COPIED)
    ran = subprocess.run(
        [program("taplo"), "lint", "--no-auto-config", file], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    jsonschema.validate(json.loads(json.dumps(tomllib.loads(file.read_text()), default=str)), json_schema())


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("price = 7000", "prise = 7000", "Additional properties are not allowed ('prise' was unexpected)"),
        ('role = "breakout"', 'role = "brakeout"', '"brakeout" is not one of ["support","resistance"'),
        ("price = 7000", 'price = "7000"', '"7000" is not of type "number"'),
        ('vendor = "massive"', 'vendor = "massiv"', '"massiv" is not one of ["massive","alpaca"'),
        ('vendor = "massive"', 'vendor = "massive"\nstream = "iex"', "('stream' was unexpected)"),
        ('kind = "console"', 'kind = "email"', '"host" is a required property'),
        ('name = "sp500"', "", '"name" is a required property'),
    ],
)
def test_taplo_names_a_mistake(right: str, wrong: str, said: str) -> None:
    text = (ROOT / "config/sp500.toml").read_text(encoding="utf-8")
    assert errors(text) == []
    mistaken = text.replace(right, wrong, 1)
    assert mistaken != text
    found = errors(mistaken)
    assert any(said in own for own in found), found
    assert not any("valid under any" in own or "oneOf" in own for own in found)


class Editor:
    """An editor with tombi's language server (LSP 3.17) and one config open in it."""

    def __init__(self, process: asyncio.subprocess.Process, uri: str) -> None:
        self._process, self._uri, self._last = process, uri, 0

    async def open(self, text: str) -> None:
        folders = [{"uri": self._uri.rpartition("/")[0], "name": "desk"}]
        await self._ask("initialize", {"processId": None, "capabilities": {}, "workspaceFolders": folders})
        await self._tell("initialized", {})
        document = {"uri": self._uri, "languageId": "toml", "version": 1, "text": text}
        await self._tell("textDocument/didOpen", {"textDocument": document})
        async with asyncio.timeout(30):  # nothing tells when it has read the schema
            while not await self.offers(text.count("\n"), 0):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def offers(self, line: int, character: int) -> set[str]:
        where = {"textDocument": {"uri": self._uri}, "position": {"line": line, "character": character}}
        found = await self._ask("textDocument/completion", where)
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"] for item in items}

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._last += 1
        own = self._last
        await self._send({"id": own, "method": method, "params": params})
        while True:
            message = await self._receive()
            if "method" in message and "id" in message:  # it asks for its settings
                await self._send({"id": message["id"], "result": None})
            elif message.get("id") == own:
                return message["result"]

    async def _tell(self, method: str, params: dict[str, Any]) -> None:
        await self._send({"method": method, "params": params})

    async def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await self._process.stdin.drain()

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout
        async with asyncio.timeout(30):
            header = await self._process.stdout.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in header.split(b"\r\n")
                if line.lower().startswith(b"content-l")
            )
            message: dict[str, Any] = json.loads(await self._process.stdout.readexactly(length))
            return message


async def test_an_editor_completes_keys_and_values(tmp_path: Path) -> None:
    shutil.copy(SCHEMA, tmp_path / "tapewatch.schema.json")
    lines = [
        "#:schema ./tapewatch.schema.json", 'name = "x"', "[[feed]]", 'name = "tape"', 'vendor = ""',
        "[[watch]]", 'symbol = "SPX"', 'calendar = ""', "[[watch.condition]]", 'name = "c"', 'when = ""',
        'severity = ""', "", "[[receiver]]", 'name = "desk"', 'kind = "email"', "",
    ]  # fmt: skip
    file = tmp_path / "tapewatch.toml"
    process = await asyncio.create_subprocess_exec(
        *(program("tombi"), "lsp", "--offline"),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        editor = Editor(process, file.as_uri())
        await editor.open("\n".join(lines))
        assert {'"massive"', '"kraken"'} <= await editor.offers(4, 10)
        assert {'"XNYS"', '"24/7"'} <= await editor.offers(7, 12)
        assert {'"rsi(14)@1d crosses above 70"'} <= await editor.offers(10, 8)
        assert {'"info"', '"warning"', '"critical"'} <= await editor.offers(11, 12)
        assert {"on", "for", "hours", "note"} <= await editor.offers(12, 0)
        assert {"host", "to", "password_file"} <= await editor.offers(16, 0)
    finally:
        process.kill()
        await process.wait()
