"""Who logs in with the token gets a cookie that opens the page, and nobody else does."""

import asyncio
import time
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import httpx
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

import vital_parts
from tapewatch.vitals import Vitals
from tapewatch.web import answers, guesses, session
from web.serving import TOKEN, serving

ALERT = "0123456789abcdef" * 2
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def http(leader: Vitals, redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(leader, TOKEN, redis=redis) as own:
        yield own


def origin(http: httpx.AsyncClient) -> str:
    return f"http://{http.base_url.netloc.decode()}"


async def log_in(http: httpx.AsyncClient, token: str = TOKEN, place: str = "/") -> httpx.Response:
    """As the form does it."""
    headers = {"Origin": origin(http)}
    return await http.post("/login", params={"next": place}, data={"token": token}, headers=headers)


def cookie(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie(answer.headers["Set-Cookie"])


async def test_a_browser_is_sent_to_the_form_and_back_to_where_it_wanted_to_go(
    http: httpx.AsyncClient,
) -> None:
    sent = await http.get(f"/alerts/{ALERT}?theme=dark", headers=BROWSER)
    assert sent.status_code == 303
    form = await http.get(sent.headers["Location"], headers={"Sec-Fetch-Site": "none"})
    assert form.status_code == 200
    assert '<form method="post">' in form.text
    assert 'role="alert"' not in form.text
    place = httpx.URL(sent.headers["Location"]).params["next"]
    done = await log_in(http, place=place)
    assert (done.status_code, done.headers["Location"]) == (303, f"/alerts/{ALERT}?theme=dark")
    assert (await http.get("/", headers=BROWSER)).status_code == 200, "by the cookie"
    assert (await http.get("/api/health")).json()["login"] is True


async def test_the_cookie_is_closed_and_never_the_token(http: httpx.AsyncClient) -> None:
    done = await log_in(http)
    ((name, own),) = cookie(done).items()
    assert name == "tapewatch-test", "several instances on one host share their cookies"
    assert (own["path"], own["httponly"], own["samesite"], own["secure"]) == ("/", True, "Strict", "")
    assert int(own["max-age"]) == session.LASTS
    assert TOKEN not in done.headers["Set-Cookie"]


async def test_over_https_the_cookie_is_for_https_alone(leader: Vitals, redis: Redis) -> None:
    leader.config = vital_parts.config(http={"url": "https://tape.example.org"})
    async with serving(leader, TOKEN, redis=redis) as http:
        form = {"token": TOKEN}
        done = await http.post("/login", data=form, headers={"Origin": "https://tape.example.org"})
        assert cookie(done)["tapewatch-test"]["secure"] is True
        http_alone = await http.post("/login", data=form, headers={"Origin": "http://tape.example.org"})
        assert http_alone.status_code == 403, "whoever sits in between could have written that page"


@pytest.mark.parametrize("token", ["", "open-sesam", "open-sesame!", "é", "x" * 3000])
async def test_a_wrong_token_opens_nothing_and_is_not_repeated(http: httpx.AsyncClient, token: str) -> None:
    with capture_logs() as logs:
        wrong = await log_in(http, token)
    assert wrong.status_code == 401
    assert "Set-Cookie" not in wrong.headers
    assert '<p class="wrong" role="alert">That is not the token.</p>' in wrong.text
    assert not token or token not in wrong.text
    assert {"event": "http.login_refused", "log_level": "warning", "peer": "127.0.0.1", "status": 401} in logs


async def test_who_guesses_has_to_wait_and_others_do_not(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(guesses.AT_ONCE):
        if number % 2:
            assert (await log_in(http, f"guess-{number}")).status_code == 401
        else:
            headers = {"Authorization": f"Bearer guess-{number}"}
            assert (await http.get("/metrics", headers=headers)).status_code == 401
    late = await log_in(http)
    assert (late.status_code, late.headers["Retry-After"]) == (429, "5"), (
        "even the right one is not looked at"
    )
    assert "Wait a few seconds" in late.text
    assert (await http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 429
    assert (await http.get("/healthz")).status_code == 200
    async with httpx.AsyncClient(
        base_url=http.base_url, transport=httpx.AsyncHTTPTransport(local_address="127.0.0.9")
    ) as other:
        assert (await log_in(other)).status_code == 303
    later = time.monotonic() + 2
    monkeypatch.setattr(guesses, "monotonic", lambda: later)
    assert (await log_in(http)).status_code == 303


async def test_who_is_in_stays_in_whoever_guesses_behind_the_same_proxy(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(guesses, "monotonic", lambda: now)
    await log_in(http)
    assert (await http.get("/api/health")).status_code == 200
    own = http.cookies["tapewatch-test"]
    http.cookies.clear()
    with capture_logs() as logs:
        for _ in range(100):
            await log_in(http, "guess")
    assert len([line for line in logs if line["event"] == "http.login_refused"]) < 20, "nor is the log filled"
    new = session.Sessions(TOKEN, "test")._value(int(time.time()) - 1)
    for value, status in ((own, 200), (own[:-1], 429), (new, 429)):
        headers = {"Cookie": f"tapewatch-test={value}"}
        assert (await http.get("/api/health", headers=headers)).status_code == status


async def test_log_out_takes_the_cookie_away(http: httpx.AsyncClient) -> None:
    await log_in(http)
    assert (await http.get("/api/health")).status_code == 200
    out = await http.post("/logout", headers={"Origin": origin(http)})
    assert (out.status_code, cookie(out)["tapewatch-test"]["max-age"]) == (204, "0")
    assert not http.cookies
    assert (await http.get("/api/health")).status_code == 401


async def test_a_cookie_holds_for_a_month_of_one_token_and_instance(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_in(http)
    value = http.cookies["tapewatch-test"]
    made, _, proof = value.partition(".")
    others = session.Sessions("another-token", "test"), session.Sessions(TOKEN, "other")
    forged = [
        f"{int(made) + 1}.{proof}",
        f"{made}.{proof[:-1]}",
        f"{made}.",
        proof,
        "",
        "é.é",
        f"{'9' * 40}.{proof}",
        f"-1.{proof}",
        *(own.begin(secure=False).partition("=")[2].partition(";")[0] for own in others),
    ]
    ours = session.Sessions(TOKEN, "test")
    assert ours.is_ours(value)
    assert not any(ours.is_ours(own) for own in forged)
    earlier = time.time() - 3600
    monkeypatch.setattr(session, "time", lambda: earlier)
    assert (await http.get("/api/health")).status_code == 200, (
        "the clock was set back, or another host's is ahead"
    )
    later = time.time() + session.LASTS
    monkeypatch.setattr(session, "time", lambda: later)
    assert (await http.get("/api/health")).status_code == 401


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "evil.example",
        "/a\\b",
        "/a\r\nX: y",
        "/é",
        "",
    ],
)
async def test_nobody_is_sent_elsewhere_after_it(http: httpx.AsyncClient, place: str) -> None:
    assert (await log_in(http, place=place)).headers["Location"] == "/"


async def test_who_follows_a_link_of_another_site_is_asked_once_more_from_here(
    http: httpx.AsyncClient,
) -> None:
    """Else a browser that has the cookie, and did not send it as the link came from Slack, would have to log in."""
    foreign = BROWSER | {"Sec-Fetch-Site": "cross-site"}
    sent = await http.get(f"/alerts/{ALERT}", headers=foreign)
    once_more = await http.get(sent.headers["Location"], headers=foreign)
    assert once_more.text == ""
    wait, _, url = once_more.headers["Refresh"].partition(";url=")
    assert wait == "0"
    form = await http.get(url, headers=BROWSER | {"Sec-Fetch-Site": "same-origin"})
    assert "<form" in form.text, "it has none"
    await log_in(http)
    back = await http.get(url, headers=BROWSER | {"Sec-Fetch-Site": "same-origin"})
    assert (back.status_code, back.headers["Location"]) == (303, f"/alerts/{ALERT}")


async def test_a_program_is_told_to_send_the_token(http: httpx.AsyncClient) -> None:
    for path in ("/api/health", "/api/events", "/api/nothing"):
        refused = await http.get(path, headers=BROWSER)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tapewatch"')
        assert refused.json() == {"error": "send the token: Authorization: Bearer TOKEN"}
    assert (await http.get("/")).status_code == 401
    assert (await http.get("/", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


async def test_without_a_token_there_is_nothing_to_log_in_with(leader: Vitals, redis: Redis) -> None:
    async with serving(leader, redis=redis) as http:
        assert (await http.get("/", headers=BROWSER)).status_code == 200
        for answer in (await http.get("/login"), await log_in(http, "x")):
            assert (answer.status_code, answer.headers["Location"]) == (303, "/")
            assert "Set-Cookie" not in answer.headers
        assert (await http.get("/api/health")).json()["login"] is False


async def test_a_form_that_does_not_end_is_given_up(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answers, "BODY_WITHIN", 0.3)
    head = "POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: {}\r\n\r\n"
    for length, sent, status in ((10, b"", 408), (9_999_999, b"x" * 5000, 413)):
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        writer.write(head.format(length).encode() + sent)
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(f"HTTP/1.1 {status}".encode())
        writer.close()
    _, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(head.format(10).encode())
    writer.close()
    assert (await log_in(http)).status_code == 303
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
