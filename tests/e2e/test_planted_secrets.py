"""No secret shows anywhere: every kind is planted, the daemon has a bad day, and all that it leaves is searched."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from house import House, client, day_seconds
from processes import Program, environment
from redis.asyncio import Redis
from starlette.requests import Request as Asked
from starlette.responses import Response
from tapes import Case

from notify.receiver_servers import Endpoint, http_server, make_certificate, redis_server
from tapewatch.feeds.alpaca.server import AlpacaServer
from tapewatch.feeds.played import from_file
from tapewatch.feeds.simulator import Simulator, Trouble
from tapewatch.store.child import socket_path
from tapewatch.store.keys import Keys

MARK = "OpenSesame7"
"""In each secret, so that one word is enough to look for them."""
KEYS = Keys("e2e")


def secret(name: str) -> str:
    return f"{name}-{MARK}-{name[::-1]}42"


SECRETS = {
    ("FEED", "TAPE", "KEY"): secret("tapekey"),
    ("FEED", "OTHER", "KEY"): secret("otherkey"),
    ("FEED", "OTHER", "SECRET"): secret("othersecret"),
    ("FEED", "THIRD", "KEY"): secret("thirdkey"),
    ("RECEIVER", "BOT", "TOKEN"): "xoxb-" + secret("bot"),
    ("RECEIVER", "MAIL", "PASSWORD"): secret("mail"),
    ("RECEIVER", "HOOK", "SECRET"): secret("hooksecret"),
}
REDIS, HTTP = secret("redis"), secret("http")


class Echo(Endpoint):
    """Says back all that it was sent, as an error, and now and then takes an alert."""

    async def answer(self, request: Asked) -> Response:
        await super().answer(request)
        if len(self.received) % 3 == 0:
            return Response("ok")
        said = f"{request.url} {dict(request.headers)} {self.received[-1].body!r}"
        return Response(
            said, 500 if len(self.received) % 3 == 1 else 400, headers={"Location": str(request.url)}
        )


@asynccontextmanager
async def echoing_mail() -> AsyncIterator[int]:
    """A mail server that refuses the password, and repeats it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"EHLO"):
                writer.write(b"250-hello\r\n250 AUTH PLAIN\r\n")
            elif line.upper().startswith(b"AUTH PLAIN"):
                said = base64.b64decode(line.split()[-1]).replace(b"\0", b" ")
                writer.write(b"454 not " + said + b" nor " + line.split()[-1] + b"\r\n")
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


class Planted:
    """A daemon with a secret of every kind, and with nobody around who behaves.

    Args:
        folder: its own.
        case: what is watched.
        files: whether secrets stand in files; else in the environment.
    """

    def __init__(self, folder: Path, case: Case, *, files: bool) -> None:
        self.folder, self.case, self.files = folder, case, files
        self.state, self.config = folder / "state", folder / "config.toml"
        self.env = {name: own for name, own in environment().items() if not name.startswith("TAPEWATCH_")}
        self.servers = {name: Echo() for name in ("hook", "desk", "bot", "page")}
        self.programs: list[Program] = []
        self.redis: Path | None = None

    async def surround(self, stack: AsyncExitStack, *, own_redis: bool) -> None:
        """Opens the servers, and writes the config."""
        urls = {name: await stack.enter_async_context(http_server(own)) for name, own in self.servers.items()}
        played = from_file(self.case.tape, self.case.symbol)
        speed = (self.case.last - self.case.first) / 1e9 / 6
        tape = House(self.folder, self.case, stack)
        good = await tape.feed(speed=day_seconds(tape) / 8)
        refusing = Simulator(
            AlpacaServer, played.ticks, played.symbols, speed=speed, trouble=Trouble(refuse_login=True)
        )
        refuses = await stack.enter_async_context(refusing.serve())
        strange = await stack.enter_async_context(http_server(Echo(), make_certificate(self.folder)))
        mail = await stack.enter_async_context(echoing_mail())
        if own_redis:
            self.redis = await stack.enter_async_context(redis_server(self.folder))
            async with client(self.redis) as redis:
                await redis.config_set("requirepass", REDIS)
            self._plant("TAPEWATCH_REDIS_URL", "redis", "url_file", f"unix://:{REDIS}@{self.redis}")
        self.config.write_text(f"""
name = "e2e"
state_dir = "state"
{self.case.watch.replace("[[watch.", "#FEED#[[watch.", 1).replace("#FEED#", 'feed = "tape"' + chr(10), 1)}
[[watch]]
symbol = "OTHER"
feed = "other"
[[watch]]
symbol = "THIRD"
feed = "third"
[[feed]]
name = "tape"
vendor = "massive"
clock = "tape"
url = "ws://127.0.0.1:{good.port}"
{self._key("FEED", "TAPE", "KEY")}
[[feed]]
name = "other"
vendor = "alpaca"
url = "ws://127.0.0.1:{refuses.port}"
{self._key("FEED", "OTHER", "KEY")}
{self._key("FEED", "OTHER", "SECRET")}
[[feed]]
name = "third"
vendor = "finnhub"
url = "{strange.replace("https", "wss").partition("/services")[0]}"
{self._key("FEED", "THIRD", "KEY")}
[[receiver]]
name = "hook"
kind = "webhook"
give_up_after = "3s"
{self._url("HOOK", urls["hook"] + "/" + secret("hookurl"))}
{self._key("RECEIVER", "HOOK", "SECRET")}
[[receiver]]
name = "desk"
kind = "slack"
give_up_after = "3s"
group_wait = "0s"
{self._url("DESK", urls["desk"] + "/" + secret("desk"))}
[[receiver]]
name = "bot"
kind = "slack"
channel = "CSESAME01"
give_up_after = "3s"
group_wait = "0s"
api_url = "{urls["bot"]}/"
{self._key("RECEIVER", "BOT", "TOKEN")}
[[receiver]]
name = "mail"
kind = "email"
host = "127.0.0.1"
port = {mail}
security = "none"
username = "trader"
{self._key("RECEIVER", "MAIL", "PASSWORD")}
sender = "tapewatch@example.com"
to = ["trader@example.com"]
give_up_after = "3s"
group_wait = "0s"
[[receiver]]
name = "page"
kind = "apprise"
give_up_after = "3s"
group_wait = "0s"
{self._url("PAGE", urls["page"].replace("http://", f"json://trader:{secret('page')}@"))}
[[route]]
receivers = ["hook", "desk", "bot", "mail", "page"]
[http]
listen = "127.0.0.1:0"
{self._plant("TAPEWATCH_HTTP_TOKEN", "http", "token_file", HTTP)}
[redis]
{'url_file = "redis.url_file"' if own_redis and self.files else ""}
""")

    def _key(self, section: str, name: str, field: str) -> str:
        own = SECRETS[section, name, field]
        return self._plant(f"TAPEWATCH_{section}_{name}_{field}", name.lower(), f"{field.lower()}_file", own)

    def _url(self, name: str, url: str) -> str:
        return self._plant(f"TAPEWATCH_RECEIVER_{name}_URL", name.lower(), "url_file", url)

    def _plant(self, variable: str, name: str, key: str, own: str) -> str:
        """The secret, into the environment or a file; returns the line of the config that names it."""
        if not self.files:
            self.env[variable] = own
            return ""
        (self.folder / f"{name}.{key}").write_text(own)
        return f'{key} = "{name}.{key}"'

    async def program(self, *words: object, **env: str) -> Program:
        self.programs.append(await Program.start(*words, env=self.env | env))
        return self.programs[-1]

    def connect(self) -> Redis:
        return Redis(
            unix_socket_path=str(self.redis or socket_path(self.state)),
            password=REDIS if self.redis else None,
        )

    async def close(self) -> None:
        for program in self.programs:
            await program.kill()
        if self.redis is None and socket_path(self.state).exists():
            async with self.connect() as redis:
                await redis.shutdown(nosave=True)


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("files", "own_redis", "log_format"),
    [
        pytest.param(False, False, "json", id="environment, child Redis, JSON"),
        pytest.param(True, True, "logfmt", id="files, Redis with a password, logfmt"),
        pytest.param(True, False, "colour", id="files, child Redis, colour"),
        pytest.param(False, True, "json", id="environment, Redis with a password, JSON"),
    ],
)
async def test_no_secret_shows_anywhere(
    files: bool, own_redis: bool, log_format: str, tmp_path: Path, synthetic: Case
) -> None:
    async with AsyncExitStack() as stack:
        planted = Planted(tmp_path, synthetic, files=files)
        await planted.surround(stack, own_redis=own_redis)
        stack.push_async_callback(planted.close)
        found = await a_bad_day(planted, log_format)
        shown = {place: text for place, text in found.items() if MARK in text or in_base64(text)}
        assert not shown, {place: around(text) for place, text in shown.items()}
        assert len(found["log"]) > 1000


async def a_bad_day(planted: Planted, log_format: str) -> dict[str, str]:
    """All that the daemon and the commands say and leave, by where it was found."""
    config = ("--config", planted.config)
    found: dict[str, str] = {}
    daemon = await planted.program("run", *config, "--log-format", log_format)
    await said(
        daemon, "feed.refused", "daemon.ready", "notify.retry", "notify.dead", "notify.sent", "feed.lost"
    )
    pid = daemon.process.pid
    for child in (pid, *children(pid)):
        found[f"command line of {child}"] = of_process(child, "cmdline")
        if child != pid:
            found[f"environment of {child}"] = of_process(child, "environ")
    found |= await served(daemon)
    for words in (
        ("status",),
        ("status", "--json"),
        ("log",),
        ("log", "--json"),
        ("dead", "list"),
        ("dead", "list", "--json"),
        ("notify-test", "mail"),
        ("notify-test", "hook"),
        ("notify-test", "page"),
    ):
        command = await planted.program(*words, *config)
        await command.ended()
        found[" ".join(words)] = command.everything()
    check = await planted.program("check", planted.config)
    assert await check.ended() == 0, check.everything()
    found["check"] = check.everything()
    async with planted.connect() as redis:
        found["Redis"] = await everything_in(redis)
        await redis.hset(KEYS.commit, "sequence", "no number")  # who comes next cannot go on
    await daemon.stop(signal.SIGTERM)
    found["log"] = daemon.everything()
    found |= await not_started(planted, log_format)
    if planted.redis:
        crashed = await planted.program("run", *config, "--log-format", log_format)
        await crashed.ended()
        assert "Traceback" in crashed.everything()
        found["log of a crash"] = crashed.everything()
    for file in planted.state.rglob("*"):
        if file.is_file():
            found[f"state: {file.name}"] = file.read_bytes().decode("latin-1")
    return found


async def not_started(planted: Planted, log_format: str) -> dict[str, str]:
    """Where there is no Redis, or where it does not take the password."""
    urls = {"nobody there": f"redis://:{REDIS}@127.0.0.1:1/0"}
    if planted.redis:
        urls["wrong password"] = f"unix://:{REDIS}wrong@{planted.redis}"
    found = {}
    own = planted.folder / "redis.url_file"
    right = own.read_text() if own.exists() else ""
    for name, url in urls.items():
        if right:
            own.write_text(url)
        words = ("run", "--config", planted.config, "--log-format", log_format)
        run = await planted.program(*words, TAPEWATCH_REDIS_URL=url)
        assert await run.ended() == 1, run.everything()
        assert "no Redis at" in run.everything()
        found[name] = run.everything()
    if right:
        own.write_text(right)
    return found


async def said(daemon: Program, *words: str) -> None:
    for word in words:
        await daemon._until(lambda word=word: any(word in line for line in daemon.err), word)


async def served(daemon: Program) -> dict[str, str]:
    """What anybody who has the token gets over HTTP, and anybody who has none."""
    await said(daemon, "http.listening")
    (line,) = (line for line in daemon.err if "http.listening" in line)
    url = next(
        word for word in line.replace('"', " ").replace("=", " ").split() if word.startswith("http://")
    )
    found = {}
    for path in ("/healthz", "/readyz", "/metrics", "/nothing"):
        for token in (HTTP, "wrong"):
            found[f"{path} with {token[:5]}"] = await asyncio.to_thread(get, url.rstrip("/") + path, token)
    return found


def get(url: str, token: str) -> str:
    try:
        with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=10) as answer:
            return str(answer.headers) + answer.read().decode()
    except OSError as error:  # an HTTPError is one, and is an answer
        return str(getattr(error, "headers", "")) + str(error)


def of_process(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


def children(pid: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            found += [int(entry)] * (parent == pid)
    return found


async def everything_in(redis: Redis) -> str:
    """Every key with all that it holds."""
    text = []
    async for key in redis.scan_iter():
        kind = (await redis.type(key)).decode()
        match kind:
            case "stream":
                value = await redis.xrange(key)
            case "hash":
                value = await redis.hgetall(key)
            case "set":
                value = await redis.smembers(key)
            case _:
                value = await redis.get(key)
        text.append(f"{key!r} {value!r}")
    assert text
    return "\n".join(text)


def in_base64(text: str) -> bool:
    """Whether a secret is there as HTTP and SMTP send it."""
    own = [*SECRETS.values(), secret("page")]
    login = [f"\0trader\0{SECRETS['RECEIVER', 'MAIL', 'PASSWORD']}", f"trader:{secret('page')}"]
    return any(base64.b64encode(each.encode()).decode().rstrip("=") in text for each in (*own, *login))


def around(text: str) -> str:
    at = max(0, text.find(MARK))
    return text[max(0, at - 200) : at + 100]
