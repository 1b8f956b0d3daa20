"""One event, one line: in JSON, in logfmt, or in colours for a terminal.

Whatever a value holds, and whoever sent it, the line stays one line, no control character reaches a terminal, a long
value is cut, and no secret that the process has read stands in it. In colours alone a traceback has lines of its own.
"""

import json
from collections.abc import Callable
from math import isfinite

import msgspec
import structlog
from pydantic import Secret, SecretBytes, SecretStr

from tapewatch.redaction import MASK, escaped, has_secret, redacted

LONGEST = 4096
"""Characters of a value; what is longer loses its middle."""
LONGEST_TRACEBACK = 4 * LONGEST
MOST_IDS = 500
"""Alert ids in a line; more make several lines: journald cuts one of 48 KiB (LineMax=, journald.conf(5))."""

_HEAD = 3 / 4
"""Of what is left of a long value, this share is its beginning; the rest is its end."""
_OWN = ("event", "level", "timestamp")
"""Keys whose values we write ourselves."""

Fields = dict[str, object]
"""An event's keys, with values that JSON knows."""


class Line:
    """The last processor of structlog: makes the line.

    Args:
        render: writes the fields of an event.
    """

    def __init__(self, render: Callable[[Fields], str]) -> None:
        self._render = render

    def __call__(self, _logger: object, _method: str, event: structlog.typing.EventDict) -> str:
        """The line, without a line break at its end; of very many alerts, several."""
        fields = {
            key: value if type(value) is str and len(value) <= LONGEST else _value(key, value)
            for key, value in event.items()
        }
        ids = fields.get("alerts")
        if not isinstance(ids, list) or len(ids) <= MOST_IDS:
            return self._shown(fields)
        parts = [ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS)]
        return "\n".join(self._shown(fields | {"alerts": part}) for part in parts)

    def _shown(self, fields: Fields) -> str:
        line = self._render(fields)
        if has_secret(line):  # seldom; in the values alone, so that the line keeps its form
            line = self._render({key: v if key in _OWN else _without_secrets(v) for key, v in fields.items()})
        return line


def as_json(fields: Fields) -> str:
    """A JSON object (RFC 8259)."""
    return escaped(_json(fields))


def as_logfmt(fields: Fields) -> str:
    """`key=value`, quoted where it has to be, as github.com/go-logfmt/logfmt reads it; a list is JSON.

    structlog's LogfmtRenderer lets carriage returns, tabs and escape characters pass, and quotes no line breaks.
    """
    first = {key: fields[key] for key in ("timestamp", "level", "event") if key in fields}
    return " ".join(f"{key}={word(value)}" for key, value in (first | fields).items())


def as_colours() -> Callable[[Fields], str]:
    """For people, on a terminal."""
    styles = structlog.dev.ConsoleRenderer.get_default_column_styles(colors=True)
    levels = structlog.dev.ConsoleRenderer.get_default_level_styles(colors=True)
    bold = {level: style + styles.bright for level, style in levels.items()}

    def column(key: str, style: str, key_style: str | None = None, width: int = 0) -> structlog.dev.Column:
        form = structlog.dev.KeyValueColumnFormatter(key_style, style, styles.reset, word, width)
        return structlog.dev.Column(key, form)

    console = structlog.dev.ConsoleRenderer(
        columns=[
            column("", styles.kv_value, styles.kv_key),
            column("timestamp", styles.timestamp),
            structlog.dev.Column("level", structlog.dev.LogLevelColumnFormatter(bold, styles.reset)),
            column("event", styles.bright, width=_EVENT_WIDTH),
        ]
    )

    def render(fields: Fields) -> str:
        told = {key: value for key, value in fields.items() if key != "exception"}
        traceback = str(fields.get("exception", ""))
        lines = [f"    {escaped(line)}" for line in traceback.splitlines()]
        return "\n".join([console(None, "", told), *lines])

    return render


def word(value: object) -> str:
    """A value in one word, or in quotes."""
    if isinstance(value, str):
        text = value
        quoted = value == "null" or not value.isprintable() or not _NEEDS_QUOTES.isdisjoint(value)
    else:
        text = _json(value)
        quoted = isinstance(value, list | dict)
    return escaped(_json(text)) if quoted else text


_encoder = msgspec.json.Encoder()
_EVENT_WIDTH = 24
_NEEDS_QUOTES = frozenset(' ="')


def _json(value: object) -> str:
    try:
        return _encoder.encode(value).decode()
    except (ValueError, OverflowError):  # half a character, or a number of more than 64 bits
        return json.dumps(value, ensure_ascii=False)


def _value(key: str, value: object) -> object:
    if key == "alerts" and isinstance(value, list | tuple):
        return [_plain(each) for each in value]  # whole, so that an alert's id is found
    if key == "exception":
        return _cut(str(value), LONGEST_TRACEBACK)
    return _plain(value)


def _plain(value: object) -> object:
    """The value in JSON's types, cut where it is long."""
    if type(value) is str:
        return _cut(value)
    if type(value) in (int, bool) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(float(value))  # JSON has no nan
    if isinstance(value, Secret | SecretStr | SecretBytes):
        return MASK
    if isinstance(value, dict):
        return _short({str(key): _plain(each) for key, each in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return _short([_plain(each) for each in value])
    return _cut(_told(value))


def _told(value: object) -> str:
    try:
        return str(value)
    except Exception:  # a line of the log must not end what it tells of
        return f"<{type(value).__name__}>"


def _cut(text: str, longest: int = LONGEST) -> str:
    if len(text) <= longest:
        return text
    text = redacted(text)  # half a secret would not be known any more
    head = int(longest * _HEAD)
    left_out = len(text) - longest
    return (
        f"{text[:head]}… ({left_out:,} characters left out) …{text[head - longest :]}"
        if left_out > 0
        else text
    )


def _short(values: list[object] | dict[str, object]) -> object:
    """As they are, or, if they take more than a long value may, as text that is cut."""
    text = _json(values)
    return values if len(text) <= LONGEST else _cut(text)


def _without_secrets(value: object) -> object:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {key: _without_secrets(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    return value
