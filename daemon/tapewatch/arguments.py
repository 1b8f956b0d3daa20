"""What the arguments of commands stand for: speeds, files to read, places to write to."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from tapewatch import runner
from tapewatch.runner import WrongCommandError


def speed(text: str) -> float | None:
    """`60x` as 60; `max` as None."""
    if text == "max":
        return None
    with suppress(ValueError):
        if text.endswith("x") and 0 < (factor := float(text[:-1])) < float("inf"):
            return factor
    raise WrongCommandError(f"{text!r} is no speed: write max, or seconds of tape a second such as 1x or 60x")


def check_paths(inputs: list[Path], *outputs: str | None) -> None:
    """Before the long work: whether the inputs can be read, and whether an output is one of them or the other one."""
    for path in inputs:
        with _named_by_command(path), path.open("rb"):
            pass
    taken = {str(path.resolve()) for path in inputs}
    for output in filter(None, outputs):
        place = output if output == "-" else str(Path(output).resolve())
        if place in taken and not Path(output).is_char_device():  # /dev/null takes everything
            name = "standard output" if output == "-" else output
            raise WrongCommandError(f"{name} is named twice: an output needs a place of its own")
        taken.add(place)


@contextmanager
def writing(where: str | None) -> Iterator[TextIO | None]:
    """The file, or standard output for `-`; None for nowhere."""
    if where is None:
        yield None
    elif where == "-":
        runner.write_utf8()
        yield sys.stdout
    else:
        with ExitStack() as stack:
            with _named_by_command(Path(where)):
                file = stack.enter_context(Path(where).open("w", encoding="utf-8", newline=""))
            yield file


@contextmanager
def _named_by_command(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WrongCommandError(f"{path}: {error.strerror or error}") from None


def flush(*files: TextIO | None) -> None:
    """What was written is to be seen now; None stands for standard output."""
    for file in files:
        (file or sys.stdout).flush()
