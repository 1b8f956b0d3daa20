"""What single keys of the config may hold: names, lines of text, prices, bands, URLs, files."""

import re
import unicodedata
from datetime import date, datetime
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, SecretStr, ValidationInfo

from tapewatch import redaction, urls
from tapewatch.alerts.condition_operands import HIGHEST_NUMBER
from tapewatch.engine.indicators import parse_indicator
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import duration_ns

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
SYMBOL_PATTERN = r"^[^\s{}*?\[\]]+$"
WEBSOCKET_PATTERN = r"^wss?://"
HTTP_PATTERN = r"^https?://"

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
Role = Literal["support", "resistance", "breakout", "target"]
Severity = Literal["info", "warning", "critical"]


def _timeframe(text: str) -> str:
    duration_ns(text)
    return text


def _indicator(text: str) -> str:
    return str(parse_indicator(text))


_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def percent(text: str) -> float | None:
    """`"0.1%"` as the fraction 0.001; None when `text` is no percentage."""
    form = _PERCENT.fullmatch(text.strip())
    return float(form[1]) / 100 if form else None


_RANGES = re.compile(r"(\d+(?:\.\d+)?)\s*atr")


def in_ranges(text: str) -> float | None:
    """`"0.1 atr"` as 0.1, a band in average true ranges; None when `text` is no such thing."""
    form = _RANGES.fullmatch(text.strip().lower())
    return float(form[1]) if form else None


def _band(value: object) -> object:
    points = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
    written = isinstance(value, str) and (percent(value) is not None or in_ranges(value) is not None)
    if not points and not written:
        raise ValueError(
            'write a percentage of the level such as "0.1%", a number of points such as 5, or "0.1 atr"'
        )
    return value


_YEARS = range(1970, 2200)
"""Ticks have times of these years."""

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d{1,6})\s*([smh])")


def span_ns(text: str) -> int:
    """`"90s"`, `"5m"` or `"2h"` in ns.

    Raises:
        ValueError: `text` is no duration; the message says what one looks like.
    """
    form = _DURATION.fullmatch(text.strip())
    if form is None:
        raise ValueError(
            f'{text!r} is no duration: write seconds, minutes or hours, such as "90s", "5m" or "2h"'
        )
    return int(form[1]) * _SECONDS[form[2]] * NS


def _duration(text: str) -> str:
    span_ns(text)
    return text


def moment_ns(text: str) -> int:
    """An ISO 8601 time in ns UTC; it has to name its offset: the exchange's day is not this machine's.

    Raises:
        ValueError: `text` is none; the message says what one looks like.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time: write one such as 2026-01-28T14:30Z") from None
    if moment.year not in _YEARS:
        raise ValueError(f"{text!r} is no time from {_YEARS[0]} to {_YEARS[-1]}")
    if moment.tzinfo is None:
        here, utc = moment.astimezone().isoformat(), moment.isoformat()
        raise ValueError(f"{text!r} names no zone: write {here}, as this machine has it, or {utc}Z for UTC")
    return round(moment.timestamp() * 1e6) * 1000


def _silence(text: str) -> str:
    return text if text == "off" else _duration(text)


_CLOCK = r"(\d{1,2}):([0-5]\d)"
_HOURS = re.compile(rf"{_CLOCK}\s*[-–]\s*{_CLOCK}")
_MINUTES_OF_A_DAY = 24 * 60


def hours_ns(text: str) -> tuple[int, int]:
    """`"09:45-15:45"` as ns after midnight.

    Raises:
        ValueError: `text` is not two times of one day, the earlier one first; the message says what would be right.
    """
    form = _HOURS.fullmatch(text.strip())
    start, end = (60 * int(form[1]) + int(form[2]), 60 * int(form[3]) + int(form[4])) if form else (0, 0)
    if form is None or max(start, end) > _MINUTES_OF_A_DAY:
        raise ValueError(
            f'{text!r} is not two times: write them as the exchange has them, such as "09:45-15:45"'
        )
    if start >= end:
        raise ValueError(
            f"{text!r} is upside down: the first time is the earlier one, and both are of one day"
        )
    return start * 60 * NS, end * 60 * NS


def _hours(text: str) -> str:
    hours_ns(text)
    return text


def clock_hours(text: str) -> tuple[int, int]:
    """`"22:00-07:00"` as minutes after midnight; the second may be earlier: then it is of the next day.

    Raises:
        ValueError: `text` is not two different times of the day; the message says what would be right.
    """
    form = _HOURS.fullmatch(text.strip())
    start, end = (60 * int(form[1]) + int(form[2]), 60 * int(form[3]) + int(form[4])) if form else (0, 0)
    if form is None or max(start, end) > _MINUTES_OF_A_DAY:
        raise ValueError(f'{text!r} is not two times of the day: write them such as "22:00-07:00"')
    if start % _MINUTES_OF_A_DAY == end % _MINUTES_OF_A_DAY:
        raise ValueError(f"{text!r} is all day or never, so that what waits would never come")
    return start, end


def _clock_hours(text: str) -> str:
    clock_hours(text)
    return text


_RATE = re.compile(r"(\d{1,6})\s*/\s*([smh])")


def rate(text: str) -> tuple[int, int]:
    """`"20/m"` as 20 and the nanoseconds of a minute.

    Raises:
        ValueError: `text` is no rate above 0; the message says what one looks like.
    """
    form = _RATE.fullmatch(text.strip())
    if form is None or not int(form[1]):
        raise ValueError(
            f'{text!r} is no rate: write how many a second, minute or hour, such as "1/s" or "20/m"'
        )
    return int(form[1]), _SECONDS[form[2]] * NS


def _rate(text: str) -> str:
    rate(text)
    return text


def _zone_name(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError):  # unknown ones are a KeyError
        raise ValueError(
            f'{text!r} is no time zone: write one such as "America/New_York" or "Europe/London"'
        ) from None
    return text


def check_on(text: str) -> str:
    """`"tick"`, `"close"` or a timeframe, as it is.

    Raises:
        ValueError: `text` is none of these; the message says so.
    """
    if text not in ("tick", "close"):
        try:
            duration_ns(text)
        except ValueError:
            raise ValueError(f'{text!r} is none of "tick", "close" or a timeframe such as "5m"') from None
    return text


def _expiry(value: object) -> object:
    if not isinstance(value, date):
        raise ValueError("write a date without quotes, such as 2026-03-31")
    if value.year not in _YEARS:
        raise ValueError(f"must be a date from {_YEARS[0]} to {_YEARS[-1]}")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"names no zone: write {value.isoformat()}Z for UTC, or {value.isoformat()}-05:00")
    return value


def legs_of(symbol: str) -> tuple[str, str] | None:
    """`"XLC/SPY"` as the symbols whose prices are divided; None for a symbol of its own."""
    legs = symbol.split("/")
    return (legs[0], legs[1]) if len(legs) == 2 else None


def _redis_url(url: SecretStr) -> SecretStr:
    urls.shown_redis(url.get_secret_value())
    redaction.note_url(url.get_secret_value())
    return url


def _noted(url: str) -> str:
    """A URL of the config may hold a password or a token, which no line is to show."""
    redaction.note_url(url)
    return url


def _jump(value: object) -> object:
    if not isinstance(value, str) or (value != "off" and not percent(value)):
        raise ValueError('write a percentage such as "1%", or "off"')
    return value


_LOWEST_PRICE = 1e-12


def _price(value: float) -> float:
    if value > 0 and not _LOWEST_PRICE <= value <= HIGHEST_NUMBER:
        raise ValueError(f"is no market's price: write one from {_LOWEST_PRICE:g} to {HIGHEST_NUMBER:g}")
    return value


_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_TURNS_TEXT = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_printable(character: str) -> bool:
    """Whether a terminal shows it in its place: no control character, line break or mark that turns text."""
    return (
        unicodedata.category(character) not in _UNPRINTABLE
        and unicodedata.bidirectional(character) not in _TURNS_TEXT
    )


def _line(text: str) -> str:
    if wrong := next((each for each in text if not is_printable(each)), None):
        raise ValueError(f"must be one line of printable text: take the character U+{ord(wrong):04X} out")
    return text


def _address(text: str) -> str:
    try:
        header = SMTP.header_factory("To", text)
        good = len(header.addresses) == 1 and header.addresses[0].domain and not header.defects
    except (IndexError, ValueError):
        good = False
    if not good or not all(map(is_printable, text)):
        raise ValueError(
            f'{text!r} is no address: write "name@example.com" or "Name <name@example.com>",'
            " a name with a comma in quotation marks"
        )
    return text


_HIGHEST_PORT = 65535
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|localhost):(\d{1,5})", re.ASCII)


def listen_address(text: str) -> tuple[str, int] | None:
    """`"127.0.0.1:8790"` or `"[::1]:8790"` as IP address and port; None for `"off"`.

    Raises:
        ValueError: `text` is neither; the message says what would be right.
    """
    if text == "off":
        return None
    form = _LISTEN.fullmatch(text)
    host, port = (form[1] or form[2] or "127.0.0.1", int(form[3])) if form else ("", 0)
    try:
        good = ip_address(host).version == (6 if form and form[1] else 4) and port <= _HIGHEST_PORT
    except ValueError:
        good = False
    if not good:
        raise ValueError(
            f'{text!r} is no address and port to listen on: write "127.0.0.1:8790" or "[::1]:8790" for this machine'
            ' alone, "0.0.0.0:8790" for every network, or "off"'
        )
    return host, port


def _listen(text: str) -> str:
    listen_address(text)
    return text


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    folder: Path | None = (info.context or {}).get("folder")
    return folder / path if folder else path


Line = Annotated[str, AfterValidator(_line)]
"""Text that people read: one line, nothing in it that a terminal would obey."""
Address = Annotated[str, AfterValidator(_address)]
"""Of one mailbox, as a From or To has it (RFC 5322, 3.4)."""
Price = Annotated[PositiveFloat, AfterValidator(_price)]
Timeframe = Annotated[str, AfterValidator(_timeframe)]
IndicatorName = Annotated[str, AfterValidator(_indicator)]
Band = Annotated[float | str, BeforeValidator(_band)]
Jump = Annotated[str, BeforeValidator(_jump)]
Duration = Annotated[str, AfterValidator(_duration)]
Silence = Annotated[str, AfterValidator(_silence)]
"""A duration, or "off"."""
Hours = Annotated[str, AfterValidator(_hours)]
Clock = Annotated[str, AfterValidator(_clock_hours)]
"""Hours of any day, which may pass midnight."""
Rate = Annotated[str, AfterValidator(_rate)]
ZoneName = Annotated[str, AfterValidator(_zone_name)]
On = Annotated[str, AfterValidator(check_on)]
Expiry = Annotated[date | datetime, BeforeValidator(_expiry)]
"""A date, which counts to its end, or a time with its offset from UTC."""
WebsocketUrl = Annotated[
    str, Field(pattern=WEBSOCKET_PATTERN), AfterValidator(urls.check_websocket), AfterValidator(_noted)
]
HttpUrl = Annotated[str, Field(pattern=HTTP_PATTERN), AfterValidator(urls.check_http), AfterValidator(_noted)]
PageUrl = Annotated[str, Field(pattern=HTTP_PATTERN), AfterValidator(urls.check_page)]
"""Scheme, host and port of the live page; nothing after them."""
Host = Annotated[str, AfterValidator(urls.check_host)]
Listen = Annotated[str, AfterValidator(_listen)]
"""An IP address with its port, or "off"."""
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
File = Annotated[Path, Field(strict=False), AfterValidator(_from_folder)]
"""A path; a relative one starts at the folder of the config file."""


def price_name(price: float) -> str:
    """What a level without a name is called: 7000, not 7000.0."""
    return str(price).removesuffix(".0")
