"""Texts made by jinja2 templates: those that come built in, and one that a receiver's `template` names.

A template sees the fields of `telling.Told` and nothing else; jinja2's sandbox keeps it from Python's insides
(https://jinja.palletsprojects.com/en/stable/sandbox/). What comes out is plain text, which each medium escapes.
"""

import traceback
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import structlog
from jinja2 import FunctionLoader, StrictUndefined
from jinja2 import Template as Compiled
from jinja2.exceptions import TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tapewatch.notify.render import clean
from tapewatch.notify.telling import Told

LIMIT = 8000
"""Characters of a text; what a receiver's template makes beyond them is cut."""
_BUILT_IN_LIMIT = 1_000_000
"""The templates that come built in end by themselves."""

log = structlog.get_logger(__name__)

_environment = ImmutableSandboxedEnvironment(
    loader=FunctionLoader(lambda name: None),  # a template stands alone: it includes no other file
    undefined=StrictUndefined,
    autoescape=False,  # plain text: each medium escapes it for itself
    trim_blocks=True,
    lstrip_blocks=True,
)


class TemplateError(ValueError):
    """A template that cannot be read, or makes no text."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        super().__init__(f"{file}{f':{line}' if line else ''}: {reason}")
        self.file = file
        self.line = line
        """Counted from 1; None where no line is to blame."""
        self.reason = reason


class Template:
    """Makes texts of messages."""

    def __init__(self, source: str, file: str, limit: int = LIMIT) -> None:
        """Compiles `source`.

        Args:
            source: the template.
            file: what errors call it.
            limit: characters of a text, at most.

        Raises:
            TemplateError: it is no template.
        """
        self.file = file
        self._limit = limit
        try:
            code = _environment.compile(source, name=file, filename=file)
        except TemplateSyntaxError as error:
            raise TemplateError(file, error.lineno, error.message or "a mistake") from None
        self._compiled = Compiled.from_code(_environment, code, _environment.make_globals(None))

    @classmethod
    def read(cls, path: Path) -> "Template":
        """The template in a file.

        Raises:
            TemplateError: the file cannot be read, or is no template.
        """
        try:
            return cls(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise TemplateError(str(path), None, f"this template cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TemplateError(str(path), None, "this template is not UTF-8 text") from None

    def render(self, told: Told, most: int) -> str:
        """The text of `told`, with at most `most` of its lines, without control characters.

        Raises:
            TemplateError: it fails, or makes no text at all.
        """
        try:
            text = clean("".join(self._pieces(told.variables(most))))
        except Exception as error:  # a template may do whatever an expression can
            raise TemplateError(self.file, self._line(error), _reason(error)) from None
        if not text.strip():
            raise TemplateError(self.file, None, f"this template makes no text of a message of {told.kind}")
        return text

    def _pieces(self, variables: dict[str, Any]) -> Iterator[str]:
        """The text as it is made, to the limit: so a loop that never ends does."""
        room = self._limit
        for piece in self._compiled.generate(variables):
            yield piece[:room]
            room -= len(piece)
            if room <= 0:
                return

    def _line(self, error: BaseException) -> int | None:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.file
        ]
        return lines[-1] if lines else None


def built_in(name: str) -> Template:
    """A template that comes with tapewatch: `templates/NAME`."""
    source = resources.files("tapewatch.notify").joinpath("templates", name).read_text("utf-8")
    return Template(source, name, limit=_BUILT_IN_LIMIT)


def own_text(template: Template | None, told: Told, most: int) -> str | None:
    """What a receiver's own template makes of `told`.

    None if it has none, or if that fails, which is logged: better the message that comes built in than none.
    """
    if template is None:
        return None
    try:
        return template.render(told, most)
    except TemplateError as error:
        ids = [alert.id for alert in told.alerts]
        log.warning("notify.template_failed", alerts=ids, error=str(error))
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return "a template stands alone: it cannot include, import or extend another one"
    return " ".join(str(error).split()) or type(error).__name__
