"""What single keys of the config may hold: names, lines of text, prices, bands, URLs, files."""

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, SecretStr, ValidationInfo

from tapewatch import urls
from tapewatch.engine.indicators import parse_indicator
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


def _redis_url(url: SecretStr) -> SecretStr:
    urls.shown_redis(url.get_secret_value())
    return url


def _jump(value: object) -> object:
    if not isinstance(value, str) or (value != "off" and not percent(value)):
        raise ValueError('write a percentage such as "1%", or "off"')
    return value


_LOWEST_PRICE, _HIGHEST_PRICE = 1e-12, 1e12


def _price(value: float) -> float:
    if value > 0 and not _LOWEST_PRICE <= value <= _HIGHEST_PRICE:
        raise ValueError(f"is no market's price: write one from {_LOWEST_PRICE:g} to {_HIGHEST_PRICE:g}")
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


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    folder: Path | None = (info.context or {}).get("folder")
    return folder / path if folder else path


Line = Annotated[str, AfterValidator(_line)]
"""Text that people read: one line, nothing in it that a terminal would obey."""
Price = Annotated[PositiveFloat, AfterValidator(_price)]
Timeframe = Annotated[str, AfterValidator(_timeframe)]
IndicatorName = Annotated[str, AfterValidator(_indicator)]
Band = Annotated[float | str, BeforeValidator(_band)]
Jump = Annotated[str, BeforeValidator(_jump)]
WebsocketUrl = Annotated[str, Field(pattern=WEBSOCKET_PATTERN), AfterValidator(urls.check_websocket)]
HttpUrl = Annotated[str, Field(pattern=HTTP_PATTERN), AfterValidator(urls.check_http)]
Host = Annotated[str, AfterValidator(urls.check_host)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
File = Annotated[Path, Field(strict=False), AfterValidator(_from_folder)]
"""A path; a relative one starts at the folder of the config file."""


def price_name(price: float) -> str:
    """What a level without a name is called: 7000, not 7000.0."""
    return str(price).removesuffix(".0")
