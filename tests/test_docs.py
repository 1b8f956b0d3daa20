"""The docs name nothing that does not exist, leave nothing out of their lists, and their examples work."""

import ast
import asyncio
import hashlib
import importlib.util
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jsonschema
import msgspec
import pytest
from redis.asyncio import Redis
from typer.main import get_command

from tapewatch import config
from tapewatch.alerts.alert import Alert, AlertData, encode
from tapewatch.alerts.schema import ALERT_TYPES
from tapewatch.background import background
from tapewatch.check import check
from tapewatch.cli import app
from tapewatch.engine.events import REFUSALS
from tapewatch.notify.console import Console
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.silences import Silences
from tapewatch.notify.stages import Pipeline
from tapewatch.notify.streams import Streams
from tapewatch.notify.worker import Worker
from tapewatch.store.commit import Commit, Fired, Store
from tapewatch.store.lease import Lease
from tapewatch.store.server import open_redis

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for folder, pattern in ((ROOT, "*.md"), (ROOT / "docs", "*.md"), (ROOT / "deploy", "**/*.md"))
    for page in folder.glob(pattern)
)
UNIT = ROOT / "deploy/systemd/tapewatch.service"

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?<![\w.-])tapewatch ([a-z][^\n|;)]*)")
OPTION = re.compile(r"(?<!\S)(--?[a-z][a-z-]*)")
FIRST_CELL = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading, deeper headings included."""
    level, rest = re.split(rf"^(#+) {re.escape(title)}$", text, maxsplit=1, flags=re.MULTILINE)[1:]
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def listed(text: str) -> list[str]:
    """The code words in the first column of the tables."""
    return [word for cell in FIRST_CELL.findall(text) for word in CODE.findall(cell)]


def blocks(language: str) -> list[Any]:
    """The code blocks of all pages in one language."""
    found = []
    for page in PAGES:
        for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == language:
                indent = len(text) - len(text.lstrip(" "))
                plain = "\n".join(line[indent:] for line in text.splitlines())
                found.append(pytest.param(plain, id=f"{page.name}: {plain.splitlines()[0][:40]}"))
    return found


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """docs/make.py."""
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs/make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(page: Path) -> set[str]:
    """The anchors that a page has, as GitHub makes them of headings."""
    titles = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(other), f"{page.name} links to {target}"


def commands_of(page: Path) -> Iterator[str]:
    """What follows `tapewatch` in the page's shell blocks and code words."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for kind, block in BLOCK.findall(text):
        if kind == "sh":
            yield from COMMAND.findall(re.sub(r"(?m)(^| )#.*", "", block))
    for word in CODE.findall(BLOCK.sub("", text)):
        yield from COMMAND.findall(word)
    if page == UNIT:
        yield from COMMAND.findall("\n".join(line for line in text.splitlines() if "ExecStart=" in line))


@pytest.mark.parametrize("page", [*PAGES, UNIT], ids=lambda page: f"{page.parent.name}/{page.name}")
def test_commands_and_options_exist(page: Path) -> None:
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    for line in commands_of(page):
        name, *words = line.split()
        assert name in commands, f"{page.name}: tapewatch {line}"
        command = commands[name]
        if parts := getattr(command, "commands", None):  # `silence add`; where none is named, `list` is meant
            command = parts.get(next(iter(words), "list"), parts["list"])
        known = {option for own in command.params for option in (*own.opts, *own.secondary_opts)}
        assert set(OPTION.findall(line)) <= known, f"{page.name}: tapewatch {line}"


def test_every_command_is_explained_somewhere() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [name for name in get_command(app).commands if f"tapewatch {name}" not in told]  # type: ignore[attr-defined]
    assert missing == ["demo"], "`make run` is the demo; the others need a word"


def test_make_targets_exist() -> None:
    makefile = read("Makefile")
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_files_that_contributors_are_sent_to_exist() -> None:
    made_up = {"acme", "pager"}
    text = read("CONTRIBUTING.md")
    for path in re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|toml|md|json|lock))`", text):
        places = (ROOT / path, ROOT / "daemon/tapewatch" / path, ROOT / "daemon/tapewatch/engine" / path)
        assert any(word in path for word in made_up) or any(place.exists() for place in places), path


@pytest.mark.parametrize("text", blocks("toml"))
def test_toml_of_the_docs_is_a_config(text: str, tmp_path: Path) -> None:
    name = "" if re.search(r"^name", text.partition("[[")[0]) else 'name = "docs"\n'
    watch = "" if "[[watch]]" in text else '\n[[watch]]\nsymbol = "SPX"\n'
    file = tmp_path / "docs.toml"
    file.write_text(name + text + watch, encoding="utf-8")
    config, problems = check(file)
    assert config is not None, problems
    assert not problems


@pytest.mark.parametrize("text", blocks("json"))
def test_json_of_the_docs_is_json(text: str) -> None:
    json.loads(text)


def test_the_schema_is_that_of_the_program(make: ModuleType) -> None:
    assert read("docs/alert.schema.json") == make.schema(), "run python docs/make.py"


def test_the_example_is_what_the_program_says(make: ModuleType) -> None:
    shown = json.loads(BLOCK.findall(section(read("docs/alerts.md"), "An example"))[0][1])
    said = json.loads(encode(make.alert()))
    values, own_values = (event["data"].pop("indicators") for event in (shown, said))
    assert values == pytest.approx(own_values), "run python docs/make.py"
    assert shown == said, "run python docs/make.py"


def test_the_example_is_of_the_schema() -> None:
    example = json.loads(BLOCK.findall(section(read("docs/alerts.md"), "An example"))[0][1])
    jsonschema.validate(example, json.loads(read("docs/alert.schema.json")))


def test_the_picture_is_what_the_demo_shows(make: ModuleType) -> None:
    assert read("docs/pictures/demo.svg") == make.picture(), "run python docs/make.py"


def test_the_picture_of_top_is_what_it_shows(make: ModuleType) -> None:
    assert read("docs/pictures/top.svg") == make.top(), "run python docs/make.py"


def test_every_field_of_an_alert_is_listed() -> None:
    page = read("docs/alerts.md")
    assert listed(section(page, "The envelope")) == list(Alert.__struct_fields__)
    fields = listed(section(page, "The data"))
    assert sorted({*fields, "low", "high"}) == sorted(AlertData.__struct_fields__)


def test_every_type_of_alert_is_listed() -> None:
    assert sorted(listed(section(read("docs/alerts.md"), "Types"))) == sorted(ALERT_TYPES)


def test_the_recipe_gives_the_example_s_id(capsys: pytest.CaptureFixture[str]) -> None:
    page = read("docs/alerts.md")
    (recipe,) = (text for kind, text in BLOCK.findall(section(page, "The id")) if kind == "python")
    exec(compile(recipe, "docs/alerts.md", "exec"), {"hashlib": hashlib})
    assert f'"id": "{capsys.readouterr().out.strip()}"' in section(page, "An example")


class Written(NamedTuple):
    """What the package writes of one log event."""

    levels: set[str]
    """`info`, `warning`, …; nothing where a variable says."""
    keys: set[str]
    some_more: bool
    """Whether there are keys that only the running program knows."""


def log_events() -> dict[str, Written]:
    """Every log event in the package."""
    found: dict[str, Written] = {}
    for source in (ROOT / "daemon/tapewatch").rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        if "structlog.get_logger" not in text:
            continue
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (event := event_of(node)):
                own = found.setdefault(event, Written(set(), set(), some_more=False))
                keys, some_more = keys_of(node, tree)
                level = getattr(node.func, "attr", "")
                levels = {level} if level in LEVELS else set()
                found[event] = Written(own.levels | levels, own.keys | keys, own.some_more or some_more)
    return found


LEVELS = ("info", "warning", "error", "critical")


def event_of(call: ast.Call) -> str | None:
    """The event's name; `log.log` has a level before it."""
    for word in call.args[:2]:
        match word:
            case ast.Constant(value=str(event)) if re.fullmatch(r"(?!tapewatch)[a-z]+\.[a-z_]+", event):
                return event
    return None


def keys_of(call: ast.Call, tree: ast.Module) -> tuple[set[str], bool]:
    """The keys that a call writes, with those bound to its logger, and whether there are some more."""
    keys, some_more = set(), False
    if "self._log" in ast.unparse(call.func):
        bound = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        keys |= {own.arg for node in bound if ast.unparse(node.func) == "log.bind" for own in node.keywords}
    for keyword in call.keywords:
        if keyword.arg == "exc_info":
            keys.add("exception")
        elif keyword.arg:
            keys.add(keyword.arg)
        elif of_function := returned_keys(keyword.value, tree):
            keys |= of_function
        else:
            some_more = True
    return {str(key) for key in keys}, some_more


def returned_keys(value: ast.expr, tree: ast.Module) -> set[str]:
    """The keys of the dict that a function of the same module returns."""
    name = ast.unparse(value).removesuffix("()").removeprefix("self.")
    own = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    dicts = (node.value for function in own for node in ast.walk(function) if isinstance(node, ast.Return))
    return {key.value for node in dicts if isinstance(node, ast.Dict) for key in node.keys}  # type: ignore[union-attr]


def told_events() -> dict[str, tuple[str, set[str]]]:
    """Every log event in docs/operations.md, with its level, and the keys in its row."""
    table = section(read("docs/operations.md"), "The log").partition("Reasons of")[0]
    told = {}
    for events, level, text in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| (.+) \|$", table, re.MULTILINE):
        words = {word for word in CODE.findall(text) if re.fullmatch("[a-z_]+", word)}
        told |= dict.fromkeys(CODE.findall(events), (level, words))
    return told


def test_every_log_event_is_listed_with_its_level() -> None:
    told, found = told_events(), log_events()
    assert sorted(told) == sorted(found)
    assert [
        event for event, own in found.items() if any(level not in told[event][0] for level in own.levels)
    ] == []


def test_every_key_of_a_log_event_stands_in_its_row_and_no_other() -> None:
    told = {event: keys for event, (_, keys) in told_events().items()}
    found = log_events()
    assert {
        event: sorted(own.keys - told[event]) for event, own in found.items() if own.keys - told[event]
    } == {}
    told["ticks.refused"] -= set(REFUSALS)  # what its `reason` may be
    more = {event: keys - found[event].keys for event, keys in told.items() if not found[event].some_more}
    assert {event: sorted(keys) for event, keys in more.items() if keys} == {}


def test_every_reason_to_refuse_a_tick_is_listed() -> None:
    table = section(read("docs/operations.md"), "The log").partition("Reasons of")[2]
    assert sorted(listed(table)) == sorted(REFUSALS)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[tuple[Redis, Store]]:
    async with open_redis(None, tmp_path) as redis:
        own = Store(redis, "sp500")
        await own.open()
        yield redis, own


def commit_of(alert: Alert, sequence: int = 1) -> Commit:
    return Commit(sequence, {}, [Fired(alert, encode(alert), b"{}")])


async def deliver_one(redis: Redis, store: Store, folder: Path, alert: Alert) -> None:
    """What a worker does, from its group to its acknowledgement."""
    keys, out = store.keys, io.StringIO()
    receiver = config.Console(name="desk", kind="console", group_wait="0s")
    streams = Streams(keys.alerts, keys.resend("desk"), keys.dead("desk"), keys.deliveries)
    pipeline, ledger = Pipeline(receiver, lambda alert: True, lambda: ()), Ledger(folder / "desk")
    own = Worker(
        redis, streams, receiver, Console(out), pipeline, ledger, member="here", clock=lambda alert: 0
    )
    await own.prepare()
    await store.commit(commit_of(alert, 2))
    async with background(own.run()):
        assert await own.drain(10)
    assert out.getvalue()


async def test_the_rights_of_the_docs_are_enough(
    store: tuple[Redis, Store], tmp_path: Path, make: ModuleType
) -> None:
    """A user with the ACL of docs/operations.md may do what the daemon, a worker and `tail` do."""
    redis, _ = store
    for rule in re.findall(r"^ACL SETUSER tapewatch .*$", read("docs/operations.md"), re.MULTILINE):
        await redis.execute_command(*rule.replace("PASSWORD", "secret").split())
    url = f"unix://tapewatch:secret@{tmp_path / 'redis/redis.sock'}"
    async with open_redis(url, tmp_path) as limited:
        own = Store(limited, "sp500")
        await own.open()
        keys = own.keys
        await limited.xgroup_create(keys.alerts, "desk", "$", mkstream=True)
        await own.commit(commit_of(make.alert()), {make.alert().id: ["mail"]})
        await own.trim()
        lease = Lease(limited, keys, "here")
        async with background(lease.run()):
            await lease.taken.wait()
            await asyncio.sleep(1.1)  # it is renewed once
        await lease.give_up()
        silences = Silences(limited, keys.silences)
        await silences.refresh()
        await limited.hset(keys.now("SPX"), mapping={"price": "7000"})
        await deliver_one(limited, own, tmp_path, msgspec.structs.replace(make.alert(), id="2"))
        async with limited.pubsub() as channel:
            await channel.psubscribe(keys.channels)
            assert (await channel.get_message(timeout=5))["type"] == "psubscribe"
