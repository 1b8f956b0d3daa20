"""Reads a config file and finds all that is wrong with it, in one run: form first, then what its parts mean.

config = load(Path("config/sp500.toml"))
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from tapewatch.check.form import validate
from tapewatch.check.keys import mend_brackets, unmended
from tapewatch.check.lines import Lines
from tapewatch.check.receivers import check_receivers
from tapewatch.check.redis import check_redis
from tapewatch.check.tables import Finding, Written, key_text
from tapewatch.check.watches import check_watches
from tapewatch.check.wiring import check_wiring
from tapewatch.config import Config
from tapewatch.problems import ConfigError, Problem
from tapewatch.values import is_printable

__all__ = ["Config", "ConfigError", "Problem", "check", "load"]

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load(path: Path) -> Config:
    """The config in the file `path`; its relative paths start at the folder of the file.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong; it names everything that is.
    """
    config, problems = check(path)
    if config is None:
        raise ConfigError(problems)
    return config


def check(path: Path) -> tuple[Config | None, list[Problem]]:
    """The config in the file `path`, or None if it cannot be used, and everything that is wrong with it."""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        return None, [Problem(path, None, "", f"this config cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return None, [Problem(path, line, "", "this is not UTF-8 text")]
    try:
        data = tomllib.loads(text)
    except RecursionError:
        return None, [Problem(path, None, "", "tables or arrays are nested too deep")]
    except ValueError as error:
        return None, [_syntax_problem(path, text, str(error))]
    return _check_data(path, text, data)


def _check_data(path: Path, text: str, data: dict[str, Any]) -> tuple[Config | None, list[Problem]]:
    mended, slips = mend_brackets(data)
    result = validate(mended, path.parent)
    written = Written(mended)
    findings = [
        *slips,
        *(result if isinstance(result, list) else ()),
        *check_watches(written, path.parent),
        *check_wiring(written),
        *check_receivers(written, path.parent),
        *check_redis(written),
    ]
    lines = Lines(text)
    problems = sorted(
        (_problem(path, data, lines, each) for each in findings), key=lambda each: each.line or 0
    )
    if isinstance(result, list) or any(each.severity == "error" for each in problems):
        return None, problems
    return result, problems


def _problem(path: Path, data: dict[str, Any], lines: Lines, finding: Finding) -> Problem:
    spot, message = unmended(data, finding.spot), finding.message
    if finding.first is not None:
        message += f" (line {lines.of(unmended(data, finding.first))})"
    return Problem(path, lines.of(spot), _shown(key_text(data, spot)), _shown(message), finding.severity)


def _syntax_problem(path: Path, text: str, reason: str) -> Problem:
    """What tomllib says, with the line and a caret; what follows cannot be read before this is mended."""
    what = _POSITION.sub("", reason)
    if what == "Invalid value":
        what += ", as of text without quotes"
    message = f"this is not TOML: {what}; the rest cannot be read before this is mended"
    position = _POSITION.search(reason)
    if position is None or position[1] is None:
        return Problem(path, text.rstrip().count("\n") + 1, "", message)
    line, column = int(position[1]), int(position[2])
    shown = _shown(re.sub(r"\s", " ", text.split("\n")[line - 1]))
    return Problem(path, line, "", f"{message}\n{shown}\n{' ' * (column - 1)}^")


def _shown(text: str) -> str:
    """`text`, which may quote the file, without what a terminal would obey; carets still point right."""
    return "".join(
        each if each == "\n" or is_printable(each) else "\N{REPLACEMENT CHARACTER}" for each in text
    )
