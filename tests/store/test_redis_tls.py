"""Redis over TLS, as config and URL ask for it, against a real server."""

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from notify.receiver_servers import make_certificate
from redis_over_tls import SERVER, TlsRedis, tls_redis
from tapewatch.config import Redis
from tapewatch.config.redis import NOT_TLS
from tapewatch.problems import ConfigError
from tapewatch.store.errors import RedisUnavailableError
from tapewatch.store.guarded import weaknesses
from tapewatch.store.server import connect_redis, open_redis

needs_tls = pytest.mark.skipif(SERVER is None, reason="there is no redis-server, which speaks TLS")
HUSH = "hush-hush"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TlsRedis]:
    async with tls_redis(tmp_path / "server", "--requirepass", HUSH) as server:
        yield server


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[TlsRedis]:
    """One whose clients need a certificate."""
    async with tls_redis(tmp_path / "server", clients="yes") as server:
        yield server


def table(**keys: object) -> Redis:
    """`[redis]` of a config, as TOML has it."""
    text = "\n".join(f"{name} = '{value}'" for name, value in keys.items())
    return Redis.model_validate(tomllib.loads(text))


async def said(own: Redis, folder: Path) -> str:
    """Why there is no connection."""
    with pytest.raises(RedisUnavailableError) as raised:
        async with connect_redis(own.address(), folder):
            pass
    assert HUSH not in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@needs_tls
async def test_a_server_whose_ca_is_named_is_trusted(server: TlsRedis, tmp_path: Path) -> None:
    own = table(url=server.url(f":{HUSH}"), ca_file=server.certificate)
    with capture_logs() as logs:
        async with open_redis(own.address(), tmp_path) as redis:
            assert await redis.set("key", "value")
    assert [entry for entry in logs if entry["event"] == "redis.unguarded"] == []


@needs_tls
async def test_a_server_that_is_not_trusted_is_not_spoken_to(server: TlsRedis, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other, _ = make_certificate(tmp_path / "other")
    for own in (table(url=server.url(f":{HUSH}")), table(url=server.url(f":{HUSH}"), ca_file=other)):
        assert "its certificate is not trusted: self-signed certificate; " in await said(own, tmp_path)


@needs_tls
async def test_a_certificate_for_another_name_is_refused(server: TlsRedis, tmp_path: Path) -> None:
    own = table(url=server.url(f":{HUSH}", host="localhost"), ca_file=server.certificate)
    assert "certificate is not valid for 'localhost'" in await said(own, tmp_path)


@needs_tls
async def test_our_own_certificate_lets_us_in(strict: TlsRedis, tmp_path: Path) -> None:
    trusting = {"url": strict.url(), "ca_file": strict.certificate}
    assert "if it wants a certificate of ours, name that in redis.cert_file" in await said(
        table(**trusting), tmp_path
    )
    own = table(**trusting, cert_file=strict.certificate, key_file=strict.key)
    async with connect_redis(own.address(), tmp_path) as redis:
        assert await redis.ping()


@needs_tls
async def test_files_that_do_not_fit_are_named(strict: TlsRedis, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, other = make_certificate(tmp_path / "other")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate\n")
    url, own = strict.url(), strict.certificate
    wrong_key = table(url=url, ca_file=own, cert_file=own, key_file=other)
    assert "redis.key_file is not the key of redis.cert_file" in await said(wrong_key, tmp_path)
    assert "holds no PEM of its kind" in await said(table(url=url, ca_file=nonsense), tmp_path)
    no_certificate = table(url=url, ca_file=own, cert_file=nonsense)
    assert "holds no PEM of its kind" in await said(no_certificate, tmp_path)


@needs_tls
async def test_checks_that_the_url_turns_off_are_warned_of(server: TlsRedis, tmp_path: Path) -> None:
    for option, warned in (
        ("ssl_cert_reqs=none", "its certificate is not checked"),
        (f"ssl_check_hostname=false&ssl_ca_certs={server.certificate}", "whose certificate it is"),
    ):
        with capture_logs() as logs:
            async with open_redis(f"{server.url(f':{HUSH}')}?{option}", tmp_path):
                pass
        (warning,) = (entry for entry in logs if entry["event"] == "redis.unguarded")
        assert warned in warning["reason"]
        assert warning["redis"] == server.url()


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("redis://:secret@redis.example.com:6379/0", 1),
        ("redis://10.0.0.7?password=secret", 1),
        ("redis://redis.example.com", 0),
        ("redis://:secret@localhost:6379/0", 0),
        ("redis://:secret@127.3.2.1", 0),
        ("redis://:secret@[::1]", 0),
        ("redis://:secret@", 0),
        ("unix://:secret@/run/redis.sock", 0),
        ("rediss://:secret@redis.example.com", 0),
        ("rediss://redis.example.com?ssl_cert_reqs=optional", 1),
        ("rediss://redis.example.com?ssl_check_hostname=NO", 1),
    ],
)
def test_what_is_warned_of(url: str, count: int) -> None:
    assert len(weaknesses(url)) == count
    assert "secret" not in "".join(weaknesses(url))


def test_files_for_tls_need_a_url_of_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "ca.pem"
    own.touch()
    with pytest.raises(ConfigError, match=NOT_TLS):
        table(ca_file=own).address()
    monkeypatch.setenv("TAPEWATCH_REDIS_URL", "redis://:secret@localhost")
    with pytest.raises(ConfigError, match=NOT_TLS) as raised:
        table(ca_file=own).address()
    assert "secret" not in str(raised.value)
    monkeypatch.setenv("TAPEWATCH_REDIS_URL", "rediss://localhost?db=1")
    assert (
        table(ca_file=own).address() == f"rediss://localhost?db=1&ssl_ca_certs={str(own).replace('/', '%2F')}"
    )


def test_a_file_for_tls_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = table(url="rediss://localhost", key_file=tmp_path / "key.pem")
    with pytest.raises(ConfigError, match=r"key\.pem.*cannot be read: No such file"):
        own.address()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/key.pem").touch()
    assert "credentials%2Fkey.pem" in (own.address() or "")
