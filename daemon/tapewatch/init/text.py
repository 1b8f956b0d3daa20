"""The config that the answers make, as TOML with comments."""

import json
import shlex
from collections.abc import Iterator, Sequence
from decimal import Decimal

from tapewatch.alerts.numbers import price, written
from tapewatch.init import hidden
from tapewatch.init.answers import FEED, SIMULATED_FOLDER, SIMULATOR, Answers, Secret, To
from tapewatch.init.proposals import BAND, Proposal
from tapewatch.init.vendors import VENDORS

SCHEMA = "tapewatch.schema.json"
"""The file beside the config by which editors complete and check it."""

SIMULATED_URL = "ws://127.0.0.1:8765"
"""Where `tapewatch simulate` is, unless it is told otherwise."""

_WIDTH = 112
_COMMENTS_AT = 36

_FURTHER = """\
# Further conditions that many watch; take the # away. What else one can say: docs/config.md.

# [[watch.condition]]
# name = "overbought"
# when = "rsi(14)@1d crosses above 70"

# [[watch.condition]]
# name = "MACD turns down"
# when = "macd@1d crosses below macd.signal@1d"
# severity = "warning"

# [[watch.condition]]
# name = "hourly divergence"
# when = "rsi(14)@1h diverges"
# severity = "warning"
"""


def config(answers: Answers, file: str) -> str:
    """The file; `file` is what it is called, for the commands in its comments."""
    parts = [
        _head(answers, file),
        _rule("Where ticks come from"),
        _feed(answers),
        _rule("What is watched"),
        _watch(answers),
        *_levels(answers),
        *_conditions(answers),
        _FURTHER,
        _rule("Where alerts go"),
        _receivers(answers.receivers),
    ]
    return "\n".join(parts)


def commands(answers: Answers, file: str) -> list[tuple[str, str]]:
    """What to type next, in order, and what each is for."""
    name = shlex.quote(file)
    found = [
        (f"export {own.variable}=...", "it is in no file")
        for own in answers.all_secrets()
        if not hidden.is_there(own)
    ]
    found += [
        (f"tapewatch notify-test {own.name} --config {name}", "a test alert")
        for own in answers.receivers
        if own.kind != "console"
    ]
    if answers.vendor == SIMULATOR:
        play = f"tapewatch simulate --config {name} --scenario sp500-7000 --speed 600x --from-start"
        found.append((play, "the market, in another terminal"))
    return [*found, (f"tapewatch run --config {name}", "until Ctrl-C")]


def _head(answers: Answers, file: str) -> str:
    title = answers.symbol.title or answers.symbol.symbol
    steps = [(f"tapewatch check {shlex.quote(file)}", "names every mistake"), *commands(answers, file)]
    return "\n".join(
        [
            f"#:schema ./{SCHEMA}",
            f"# {title}, as `tapewatch init` wrote it. It is yours now: change what you like.",
            "#",
            *(
                f"#   {command:<44} {why}" if len(command) < 60 else f"#   {command}"
                for command, why in steps
            ),
            "#",
            f"# Every key is explained in docs/config.md. Editors know them by {SCHEMA}, which",
            f"# `tapewatch schema config > {SCHEMA}` writes anew.",
            "",
            _line("name", answers.instance, "the instance: part of its Redis keys and of every alert"),
            *_apart_from_anything_real(answers),
            "",
        ]
    )


def _apart_from_anything_real(answers: Answers) -> Iterator[str]:
    if answers.vendor == SIMULATOR:
        folder = f"{SIMULATED_FOLDER}/state"
        yield _line("state_dir", folder, "remove it, and the simulated tape begins anew")


def _feed(answers: Answers) -> str:
    lines = ["[[feed]]", _line("name", FEED)]
    if answers.vendor == SIMULATOR:
        lines += [
            _line("vendor", "json", "the simulator speaks plain JSON, and wants no key"),
            _line("url", SIMULATED_URL, "once you have a key: take this and the next line out, and write"),
            _line("clock", "tape", 'vendor = "massive" and key_file = "massive.key"'),
        ]
    else:
        own = VENDORS[answers.vendor]
        lines.append(_line("vendor", answers.vendor, f"{own.title}; {own.costs}"))
        lines += [_secret(secret) for secret in answers.secrets]
    return "\n".join([*lines, ""])


def _watch(answers: Answers) -> str:
    symbol = answers.symbol
    title = f"{symbol.title} (simulated)" if answers.vendor == SIMULATOR else symbol.title
    called = None if answers.vendor == SIMULATOR else symbol.feed_symbol(answers.vendor)
    band = ""
    if answers.price is not None:
        points, about = written(float(f"{BAND * answers.price:.2g}")), written(float(f"{answers.price:.3g}"))
        band = f"price dancing within {points} points of {about} is one alert, not fifty"
    lines = [
        "[[watch]]",
        _line("symbol", symbol.symbol),
        *([_line("title", title)] if title else []),
        _line("feed", FEED),
        *([_line("feed_symbol", called, "what the vendor calls it")] if called else []),
        _line("calendar", symbol.calendar, _calendar_means(symbol.calendar)),
        _line("timeframes", ("1m", "5m", "1h", "1d")),
        _line("indicators", ("rsi(14)", "macd(12,26,9)", "sma(50)", "sma(200)", "ema(20)")),
        _line("rearm", f"{BAND:.1%}", band),
        _line("max_jump", "1%", "a larger jump waits for two more ticks: bad prints happen"),
        _history(answers),
    ]
    return "\n".join([*lines, ""])


def _calendar_means(calendar: str) -> str:
    if calendar == "24/7":
        return "it never shuts: a day is one of UTC"
    return "holidays, half days and daylight saving time of New York"


def _history(answers: Answers) -> str:
    past = answers.past
    if past.files:
        return f"# Bars that warm RSI, MACD and the averages:\n{_line('history', past.files)}"
    if past.kind == "vendor":
        return "# Bars of the past, which warm RSI, MACD and the averages, are the vendor's."
    return '# history = ["daily.csv"]         # bars, so that RSI, MACD and the averages are warm at once'


def _levels(answers: Answers) -> Iterator[str]:
    levels = sorted(
        (own for own in answers.rules if own.price is not None), key=lambda own: -(own.price or 0)
    )
    if not levels:
        yield '# A level is a price:\n\n# [[watch.level]]\n# name = "breakout"\n# price = 7000\n'
        return
    yield "\n# Levels: each fires when price first touches it, and again once price has left it by the re-arm band.\n"
    for i, own in enumerate(levels):
        beyond = i + 1 if own.role == "support" else i - 1
        yield _table("level", own, _target(levels, own, beyond))


def _target(levels: Sequence[Proposal], own: Proposal, beyond: int) -> str | None:
    """The price of the level that comes next once this one breaks; None if there is none."""
    if own.role is None or not 0 <= beyond < len(levels):
        return None
    return written(levels[beyond].price or 0)


def _conditions(answers: Answers) -> Iterator[str]:
    conditions = [own for own in answers.rules if own.when]
    if conditions:
        yield "\n# Conditions: they move with the market.\n"
    for own in conditions:
        yield _table("condition", own, None)


def _table(kind: str, own: Proposal, target: str | None) -> str:
    keys = {
        "name": own.name,
        "price": own.price,
        "when": own.when,
        "role": own.role,
        "severity": own.severity,
        "confirm": own.confirm,
        "next": target,
        "note": own.reason,
    }
    now = "" if own.now is None else f"at {price(own.now)} when this was written"
    lines = [_line(key, value, now * (key == "when")) for key, value in keys.items() if value is not None]
    return "\n".join([f"[[watch.{kind}]]", *lines, ""])


def _receivers(receivers: Sequence[To]) -> str:
    if not receivers:
        return (
            "# Nobody yet: alerts are logged and published, no more.\n\n"
            '# [[receiver]]\n# name = "terminal"\n# kind = "console"\n\n'
            '# [[route]]\n# receivers = ["terminal"]\n'
        )
    tables = ["\n".join(_receiver(own)) for own in receivers]
    names = tuple(own.name for own in receivers)
    route = ["[[route]]", _line("receivers", names, "without a match: every alert"), ""]
    return "\n".join([*tables, *route]) + _CRITICAL.format(receivers=_value(names[-1:]))


_CRITICAL = """
# [[route]]                         # a route may also take some alerts alone:
# match = {{ severity = "critical" }}
# receivers = {receivers}
"""


def _receiver(own: To) -> Iterator[str]:
    yield "[[receiver]]"
    yield _line("name", own.name)
    yield _line("kind", own.kind)
    for key, value in own.keys:
        yield _line(key, value)
    for secret in own.secrets:
        yield _secret(secret)
    yield ""


def _secret(own: Secret) -> str:
    """Which file holds it; or, as a comment, which would."""
    if own.place == "file" or own.typed is not None:
        return _line(f"{own.key}_file", own.file, "a secret: readable by you alone")
    line = _line(f"# {own.key}_file", own.file)
    return f"{line:<{_COMMENTS_AT}}# or, as now, {own.variable} in the environment"


def _rule(title: str) -> str:
    return f"\n# ── {title} {'─' * (_WIDTH - len(title) - 6)}\n"


def _line(key: str, value: object, comment: str = "") -> str:
    line = f"{key} = {_value(value)}"
    return f"{line:<{_COMMENTS_AT - 1}} # {comment}" if comment else line


def _value(value: object) -> str:
    """As TOML has it; what a JSON string escapes, TOML escapes the same way, but for one character."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
