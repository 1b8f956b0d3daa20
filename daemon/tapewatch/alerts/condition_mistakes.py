"""What a condition that cannot be read looks like to the one who wrote it: the spot, and what would be right."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tapewatch.alerts.condition_keys import said_in_text
from tapewatch.engine.indicators import OUTPUTS, PERIODS

if TYPE_CHECKING:  # lark takes 40 ms to import: only who parses a condition pays for it
    from lark import UnexpectedInput

OPERANDS = ("price", "open", "high", "low", "close", "volume", "session", "previous", "change", *OUTPUTS)
"""Words that an operand may begin with."""

_VERB_WORDS = ("crosses", "enters", "leaves", "diverges", "within", "is", "above", "below", "up", "down")
_LITTLE_WORDS = ("and", "to", "of", "in", "regular", "hidden", "bullish", "bearish", "forming")
_OUTPUT_WORDS = tuple(dict.fromkeys(suffix[1:] for each in OUTPUTS.values() for suffix in each if suffix))
_LANGUAGE = (*OPERANDS, *_VERB_WORDS, *_LITTLE_WORDS, *_OUTPUT_WORDS)

_SAID_OTHERWISE = {
    "bb": ("bollinger", "bbands", "boll", "bands"),
    "roc": ("momentum", "mom"),
    "sma": ("ma", "dma", "average", "mavg"),
    "price": ("last",),
    "volume": ("vol",),
    "previous": ("yesterday", "prev", "prior"),
    "session": ("today", "day"),
    "hist": ("histogram",),
    "middle": ("mid", "basis"),
    "crosses": ("touches", "hits", "reaches", "breaks"),
    "leaves": ("exits",),
    "diverges": ("divergence",),
    "within": ("near", "around"),
    "above": ("over", "exceeds"),
    "below": ("under",),
    ">": ("greater", "more", "higher"),
    "<": ("less", "fewer"),
    ">= or <=": ("equals", "equal"),
    "up": ("rises", "gains", "rallies"),
    "down": ("falls", "drops", "loses"),
    "two comparisons, such as price >= 6950 and price <= 6970": ("between",),
    "a condition of its own for each": ("or",),
    "it in one word, such as 30m or 2h": ("minutes", "minute", "min", "mins", "hours", "hour"),
    "%": ("percent", "pct"),
}
"""What is right, and what people call it."""

_RIGHT_WORD = {said: right for right, words in _SAID_OTHERWISE.items() for said in words}

_RIGHT_SIGN = {"=": ">= or <=", "≥": ">=", "≤": "<=", "−": "-", "–": "-", "&": "and", "$": "the number alone"}

_ARITHMETIC = {"+", "-", "*", "/", "^"}
_POINTS = {"points", "point", "pts"}

_WHAT_FITS = {
    "WORD": "price or an indicator such as rsi(14)@1d",
    "NUMBER": "a number",
    "ARGUMENT": "a period",
    "TIMEFRAME": "a timeframe such as 1d",
    "CROSSES": "crosses, enters, leaves, diverges, >, <, within, up or down",
    "SIGN": "above, below, >, <, within, up or down",
    "PERCENT": "%",
    "RPAR": ")",
    "COMMA": ",",
    "$END": "the end",
    "<END-OF-FILE>": "the end",
}
"""The grammar's terminals as people say them, in the order in which a message names them."""

_STATE_VERBS = {"SIGN", "ABOVE", "BELOW", "WITHIN", "UP", "DOWN"}
_VERBS = {"CROSSES", "ENTERS", "LEAVES", "DIVERGES", "IS", *_STATE_VERBS}
_GO_WITHOUT_SAYING = {"LPAR", "DOT", "AT"}
"""What goes on with an operand fits wherever one ends."""

_WORD = re.compile(r"(?<![0-9a-z@])[a-z]+")
_NO_BRACKETS = re.compile(r"([a-z]+)([0-9]+)(?![0-9a-z])")
_COMMAS = re.compile(r"[0-9]+(,[0-9]+)+(\.[0-9]+)?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_POINT = re.compile(r"(?<![0-9a-z.)])(?:([0-9]+)\.|\.([0-9]+))(?![0-9a-z])")
_STRAY_AND = re.compile(r"(?:^|\band)\s*\b(and)\b")
_EXAMPLES = "rsi(14)@1d crosses above 70, price crosses sma(50)@1d or rsi(14)@1h diverges"


class ConditionError(ValueError):
    """A condition that cannot be read; the message shows where, and what would be right."""

    def __init__(self, text: str, start: int, length: int, reason: str) -> None:
        self.reason = reason
        """What is wrong, in one line."""
        shown = re.sub(r"\s", " ", text)
        super().__init__(f"{reason}\n  {shown}\n  {' ' * start}{'^' * max(length, 1)}")


def right_word(word: str, known: Iterable[str]) -> str | None:
    """`write bb` for bollinger, `did you mean rsi?` for rsy; None when nothing of `known` is near."""
    if right := _RIGHT_WORD.get(word):
        return f"write {right}"
    alike = [each for each in known if abs(len(each) - len(word)) <= len(each) / 2]  # rising is no rsi
    near = get_close_matches(word, alike, 1, cutoff=0.65)
    return f"did you mean {near[0]}?" if near else None


def misread(text: str, lower: str, error: "UnexpectedInput") -> ConditionError:
    """Why the grammar does not take it: a mistake traders make, an unknown word, else what would fit.

    Args:
        text: as it was written.
        lower: the same in lower case, which the grammar read.
        error: what lark says.
    """
    from lark import UnexpectedToken

    token = error.token if isinstance(error, UnexpectedToken) else None
    if token is not None and token.type == "$END":
        end = len(text.rstrip())
        reason = f"the condition ends too soon: expected {_what_fits(error)}"
        return (
            _key(text, lower, end)
            or _stray_and(text, lower, end)
            or _unknown_word(text, lower, end)
            or ConditionError(text, end, 1, reason)
        )
    start, length = error.pos_in_stream or 0, len(token or " ")
    return (
        _key(text, lower, start)
        or _stray_and(text, lower, start)
        or _commas(text, lower, start)
        or _point(text, lower, start)
        or _no_brackets(text, lower, start)
        or _unknown_word(text, lower, start + length)
        or ConditionError(text, start, length, _misfit(text[start : start + length], error))
    )


def _misfit(found: str, error: "UnexpectedInput") -> str:
    if right := _RIGHT_SIGN.get(found):
        return f"{found!r} does not fit here: write {right}"
    fits = _what_fits(error)
    if found[0] in _ARITHMETIC and _WHAT_FITS["NUMBER"] not in fits:
        return "arithmetic is not understood: compare one value with another one, or with a number"
    if found[0].isdigit() and fits == _WHAT_FITS["WORD"]:
        return f"a number stands on the right, the left is {fits}"
    return f"{found!r} does not fit here: expected {fits}"


def _key(text: str, lower: str, at: int) -> ConditionError | None:
    """What has a key of its own: how long, how often, until when."""
    if (said := said_in_text(lower, at)) is None:
        return None
    start, length, line = said
    return ConditionError(text, start, length, f"this has a key of its own: write {line} beside when")


def _stray_and(text: str, lower: str, at: int) -> ConditionError | None:
    """An `and` with nothing before it."""
    stray = _STRAY_AND.search(lower)
    if stray is None or stray.start(1) > at:
        return None
    return ConditionError(text, stray.start(1), 3, "'and' joins two parts, and there is none before it")


def _point(text: str, lower: str, at: int) -> ConditionError | None:
    """`5.` or `.5`: a point without digits on both sides."""
    for number in _POINT.finditer(lower):
        if number.start() <= at < number.end():
            right = f"{number[1]} or {number[1]}.0" if number[1] else f"0.{number[2]}"
            return ConditionError(
                text, *_span(number), f"a number has digits before and after its point: write {right}"
            )
    return None


def _commas(text: str, lower: str, at: int) -> ConditionError | None:
    """A comma in a number: of thousands, or for a point, which nobody but the writer can tell apart."""
    for number in _COMMAS.finditer(lower):
        if number.start() <= at < number.end():
            thousands = _THOUSANDS.fullmatch(number[0])
            right = number[0].replace(",", "" if thousands else ".")
            reason = f"write numbers {'without commas' if thousands else 'with a point'}: {right}"
            return ConditionError(text, *_span(number), reason)
    return None


def _no_brackets(text: str, lower: str, at: int) -> ConditionError | None:
    """`rsi14` for `rsi(14)`."""
    for name in _NO_BRACKETS.finditer(lower):
        if name.start() < at < name.end() and len(PERIODS.get(name[1], ())) == 1:
            return ConditionError(
                text, *_span(name), f"a period stands in brackets: write {name[1]}({name[2]})"
            )
    return None


def _unknown_word(text: str, lower: str, end: int) -> ConditionError | None:
    """The first word before `end` that the language does not have; the grammar often trips only after it."""
    for word in _WORD.finditer(lower, 0, end):
        if word[0] not in _LANGUAGE:
            if word[0] in _POINTS:
                return ConditionError(
                    text, *_span(word), f"leave {word[0]!r} out: a number without % is in points"
                )
            right = right_word(word[0], _LANGUAGE) or f"a condition is such as {_EXAMPLES}"
            return ConditionError(text, *_span(word), f"unknown word {word[0]!r}: {right}")
    return None


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.start(), match.end() - match.start()


def _what_fits(error: "UnexpectedInput") -> str:
    from lark import UnexpectedCharacters, UnexpectedToken

    names: set[str] = set()
    if isinstance(error, UnexpectedToken):
        names = set(error.accepts or error.expected)
    elif isinstance(error, UnexpectedCharacters):
        names = set(error.allowed or ())
    for verb, alike in (("CROSSES", _VERBS), ("SIGN", _STATE_VERBS)):  # named as one
        if verb in names:
            names = names - alike | {verb}
    said = [words for name, words in _WHAT_FITS.items() if name in names]
    others = sorted(names - _WHAT_FITS.keys() - _GO_WITHOUT_SAYING)
    words = list(dict.fromkeys((*said, *(name.lower() for name in others))))
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "a condition"
