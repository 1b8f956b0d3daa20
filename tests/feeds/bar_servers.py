"""Vendors that serve bars over HTTP, on loopback: a market of minutes, which each vendor's server cuts in its way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notify.receiver_servers import http_server
from tapewatch.market.bars import BAR
from tapewatch.market.sessions import Sessions

NS = 1_000_000_000
MINUTE = 60 * NS
DAY = 24 * 3600 * NS
LENGTHS = {
    "1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE, "1h": 60 * MINUTE, "2h": 120 * MINUTE,
    "4h": 240 * MINUTE, "6h": 360 * MINUTE, "1d": DAY,
}  # fmt: skip


def at(text: str) -> int:
    """`2024-07-03 13:30` UTC in ns."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


def minutes(first: int, last: int, seed: int = 1, price: float = 100.0) -> np.ndarray:
    """A bar for every minute from `first` to `last` (ns), of a walk."""
    starts = np.arange(first, last, MINUTE)
    rng = np.random.default_rng(seed)
    bars = np.zeros(len(starts), BAR)
    bars["start"], bars["end"] = starts, starts + MINUTE
    closes = np.round(price * np.exp(np.cumsum(rng.normal(0, 3e-4, len(starts)))), 2)
    bars["close"], bars["open"] = closes, np.concatenate([[price], closes[:-1]])
    bars["high"] = np.maximum(bars["open"], bars["close"]) + np.round(rng.random(len(starts)) * 0.05, 2)
    bars["low"] = np.minimum(bars["open"], bars["close"]) - np.round(rng.random(len(starts)) * 0.05, 2)
    bars["volume"] = rng.integers(1, 1000, len(starts))
    return bars


def joined(bars: np.ndarray, keys: np.ndarray, length: int) -> np.ndarray:
    """The bars of each key as one that begins at the key."""
    starts, first = np.unique(keys, return_index=True)
    last = np.append(first[1:], len(bars)) - 1
    out = np.zeros(len(starts), BAR)
    if not len(starts):
        return out
    out["start"], out["end"] = starts, starts + length
    out["open"], out["close"] = bars["open"][first], bars["close"][last]
    out["high"] = np.maximum.reduceat(bars["high"], first)
    out["low"] = np.minimum.reduceat(bars["low"], first)
    out["volume"] = np.add.reduceat(bars["volume"], first)
    return out


class Market:
    """What traded, minute by minute; vendors know no more than has happened by `now`."""

    def __init__(self, sessions: Sessions, **symbols: np.ndarray) -> None:
        self.sessions = sessions
        self.symbols = {name.replace("_", "/"): bars for name, bars in symbols.items()}
        self.now = max(int(bars["end"][-1]) for bars in symbols.values())
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Path and query of every request."""
        self.headers: list[dict[str, str]] = []
        self.troubles: list[Response | None] = []
        """Answers to be given first; None: one that never comes."""
        self.slow = 0.0
        """Seconds that each answer takes."""

    def bars(self, symbol: str, interval: str) -> np.ndarray:
        """All bars, the forming one too; days are those of the exchange's sessions."""
        own = self.symbols[symbol]
        own = own[own["end"] <= self.now]
        if interval == "1d":
            i = np.searchsorted(self.sessions.closes, own["start"], side="right")
            inside = own["start"] >= self.sessions.opens[i]
            return joined(own[inside], self.sessions.days[i[inside]] * DAY, DAY)
        length = LENGTHS[interval]
        return joined(own, own["start"] // length * length, length)

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.url.path, dict(request.query_params)))
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.slow)
        if self.troubles:
            trouble = self.troubles.pop(0)
            if trouble is None:
                await asyncio.Event().wait()
            return trouble
        parts = request.url.path.strip("/").split("/")
        if parts[0] == "v2" and parts[1] == "aggs":
            return self.massive(parts, request)
        if parts[0] == "v2":
            return self.alpaca(request)
        if parts[0] == "api":
            return self.coinbase(parts[5], request)
        return self.kraken(request)

    page = 50_000
    """Rows on a page of Massive's and Alpaca's."""

    def massive(self, parts: list[str], request: Request) -> Response:
        symbol, multiplier, span, first, last = parts[3], parts[5], parts[6], parts[7], parts[8]
        interval = f"{multiplier}{span[0]}"
        own = self.bars(symbol, interval)
        if interval == "1d":
            days = [(date.fromisoformat(day) - date(1970, 1, 1)).days for day in (first, last)]
            own = own[(own["start"] >= days[0] * DAY) & (own["start"] <= days[1] * DAY)]
            own["start"] += 5 * 3600 * NS  # midnight in New York
        else:
            own = own[(own["start"] >= int(first) * 10**6) & (own["start"] <= int(last) * 10**6)]
        offset = int(request.query_params.get("cursor", "0"))
        rows = [
            {"t": int(b["start"]) // 10**6, "o": float(b["open"]), "h": float(b["high"]), "l": float(b["low"]),
             "c": float(b["close"]), "v": float(b["volume"])}
            for b in own[offset : offset + self.page]
        ]  # fmt: skip
        body: dict[str, object] = {"ticker": symbol, "status": "OK", "resultsCount": len(rows)}
        if rows:
            body["results"] = rows
        if offset + self.page < len(own):
            body["next_url"] = f"https://api.massive.com{request.url.path}?cursor={offset + self.page}"
        return JSONResponse(body)

    def alpaca(self, request: Request) -> Response:
        asked = request.query_params
        interval = {"1Min": "1m", "5Min": "5m", "15Min": "15m", "30Min": "30m", "1Hour": "1h", "1Day": "1d"}[
            asked["timeframe"]
        ]
        own = self.bars(asked["symbols"], interval)
        first, last = (at(asked[edge].removesuffix("Z")) for edge in ("start", "end"))
        if last > self.now - 15 * MINUTE and asked["feed"] == "sip":
            said = "subscription does not permit querying recent SIP data"
            return JSONResponse({"message": said}, status_code=403)
        own = own[(own["start"] >= first) & (own["start"] <= last)]
        offset = int(asked.get("page_token", "0"))
        rows = [
            {"t": f"{datetime.fromtimestamp(int(b['start']) // NS, UTC):%Y-%m-%dT%H:%M:%SZ}", "o": float(b["open"]),
             "h": float(b["high"]), "l": float(b["low"]), "c": float(b["close"]), "v": float(b["volume"])}
            for b in own[offset : offset + self.page]
        ]  # fmt: skip
        token = str(offset + self.page) if offset + self.page < len(own) else None
        return JSONResponse({"bars": {asked["symbols"]: rows} if rows else {}, "next_page_token": token})

    def coinbase(self, product: str, request: Request) -> Response:
        asked = request.query_params
        names = {"ONE": 1, "TWO": 2, "FIVE": 5, "SIX": 6, "FIFTEEN": 15, "THIRTY": 30}
        number, unit = asked["granularity"].split("_")
        own = self.bars(product.replace("-", "/"), f"{names[number]}{unit[0].lower()}")
        own = own[(own["start"] >= int(asked["start"]) * NS) & (own["start"] <= int(asked["end"]) * NS)]
        if len(own) > 350:
            return JSONResponse({"error": "INVALID_ARGUMENT", "message": "over 350 candles"}, status_code=400)
        fields = ("low", "high", "open", "close", "volume")
        rows = [
            {"start": str(int(b["start"]) // NS), **{name: str(float(b[name])) for name in fields}}
            for b in own[::-1]
        ]
        return JSONResponse({"candles": rows})

    def kraken(self, request: Request) -> Response:
        asked = request.query_params
        length = int(asked["interval"]) * MINUTE
        interval = next(name for name, own in LENGTHS.items() if own == length)
        own = self.bars(asked["pair"], interval)
        now = self.now // length * length
        own = own[(own["start"] > int(asked["since"]) * NS) & (own["start"] > now - 720 * length)]
        rows = [
            [int(b["start"]) // NS, *(str(float(b[name])) for name in ("open", "high", "low", "close")), "0",
             str(float(b["volume"])), 1]
            for b in own
        ]  # fmt: skip
        if not rows or rows[-1][0] * NS < now:
            rows.append([now // NS, "1", "1", "1", "1", "0", "0", 0])
        return JSONResponse({"error": [], "result": {"XXBTZUSD": rows, "last": rows[-1][0]}})


@asynccontextmanager
async def serve(market: Market) -> AsyncIterator[str]:
    """The base URL at which the market's vendors answer."""
    async with http_server(market) as url:  # type: ignore[arg-type]
        parts = urlsplit(url)
        yield f"{parts.scheme}://{parts.netloc}"


def regular_minutes(
    sessions: Sessions, first: date, last: date, seed: int = 1, price: float = 100.0
) -> np.ndarray:
    """Minutes of the sessions of these days, and an hour of extended hours around each, at another price."""
    days = (sessions.days >= (first - date(1970, 1, 1)).days) & (
        sessions.days <= (last - date(1970, 1, 1)).days
    )
    parts = []
    for k, (opened, closed) in enumerate(zip(sessions.opens[days], sessions.closes[days], strict=True)):
        own = minutes(int(opened), int(closed), seed + k, price)
        price = float(own["close"][-1])
        before = minutes(int(opened) - 60 * MINUTE, int(opened), seed + k, 3 * price)
        after = minutes(int(closed), int(closed) + 60 * MINUTE, seed + k, 3 * price)
        parts += [before, own, after]
    return np.concatenate(parts)


@contextmanager
def served(market: Market) -> Iterator[str]:
    """The market's vendors in a thread of their own, for commands in this one."""
    loop = asyncio.new_event_loop()
    urls: list[str] = []
    ready, done = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with serve(market) as url:
            urls.append(url)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    assert ready.wait(10)
    yield urls[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(10)
    loop.close()
