"""Tries a receiver's template on made-up messages, so that its mistakes show before the first alert."""

from pathlib import Path

from tapewatch.config import Config
from tapewatch.notify.samples import sample_messages
from tapewatch.notify.telling import tell
from tapewatch.notify.template import Template, TemplateError
from tapewatch.problems import Problem

_MOST_LINES = 3
"""Fewer than the sample of a digest has, so that a template is tried with lines left out, too."""


def tried(path: Path) -> Template:
    """The template in `path`, which makes a text of a sample of each kind of message.

    Raises:
        TemplateError: it cannot be read, or fails on one of them.
    """
    template = Template.read(path)
    for message in sample_messages():
        template.render(tell(message), _MOST_LINES)
    return template


def problems(config: Config) -> list[Problem]:
    """What is wrong with the templates that the config's receivers name, each told once."""
    paths = {path for receiver in config.receiver if (path := getattr(receiver, "template", None))}
    return [problem for path in sorted(paths) if (problem := _problem(path))]


def _problem(path: Path) -> Problem | None:
    try:
        tried(path)
    except TemplateError as error:
        return Problem(path, error.line, "", error.reason)
    return None
