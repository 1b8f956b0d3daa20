"""The page's own files, and what every answer tells a browser."""

import re

import httpx
import pytest
from redis.asyncio import Redis

from tapewatch.vitals import Vitals
from web.serving import TOKEN, serving

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALERT = "0123456789abcdef" * 2


@pytest.mark.parametrize("path", ["/", f"/alerts/{ALERT}"])
async def test_the_page_is_html_without_anything_of_the_config_in_it(leader: Vitals, path: str) -> None:
    async with serving(leader) as http:
        page = await http.get(path)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "BTC/USD" not in page.text
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son[a-z]+=|\sstyle=", page.text), (
        "the CSP forbids it"
    )


async def test_what_the_page_asks_for_is_there(leader: Vitals) -> None:
    async with serving(leader) as http:
        page = (await http.get("/")).text
        wanted = re.findall(r'(?:src|href)="(/[^"]+)"', page)
        assert any(name.endswith(".js") for name in wanted)
        assert any(name.endswith(".css") for name in wanted)
        for name in wanted:
            assert (await http.get(name)).status_code == 200, name


async def test_a_file_is_sent_once_and_asked_for_again(leader: Vitals) -> None:
    async with serving(leader) as http:
        first = await http.get("/static/login.css")
        assert first.headers["Content-Type"] == "text/css; charset=utf-8"
        assert first.headers["Cache-Control"] == "no-cache"
        tag = first.headers["ETag"]
        again = await http.get("/static/login.css", headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert (await http.get("/static/login.css", headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "nothing.js", "", "login.html", "vendor"],
)
async def test_nothing_else_is_served_as_a_file(leader: Vitals, name: str) -> None:
    async with serving(leader) as http:
        answer = await http.send(httpx.Request("GET", str(http.base_url.join("/")) + f"static/{name}"))
    assert answer.status_code == 404


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/static/login.css", "/metrics", "/healthz", "/api/health", "/api/nothing", "/none"],
)
async def test_every_answer_is_closed_to_other_pages(
    leader: Vitals, redis: Redis, path: str, token: str | None
) -> None:
    async with serving(leader, token, redis=redis) as http:
        for headers in ({}, {"Host": "evil.example"}):
            answer = await http.get(path, headers=headers)
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            form = path == "/login" and answer.status_code == 200 and "Refresh" not in answer.headers
            assert answer.headers["Referrer-Policy"] == ("same-origin" if form else "no-referrer")
            assert answer.headers["Cache-Control"] in ("no-store", "no-cache")
            assert "Access-Control-Allow-Origin" not in answer.headers
