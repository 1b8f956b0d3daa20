"""What the arguments of commands stand for: the config, speeds, times, files to read, places to write to."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from tapewatch import completions, runner
from tapewatch.ops.log_format import LogFormat
from tapewatch.runner import WrongCommandError, starting

if TYPE_CHECKING:
    from tapewatch.config import Config

_OWN = Path("tapewatch.toml")
DEFAULT_CONFIG = _OWN if _OWN.exists() else Path("config/sp500.toml")
"""What `tapewatch init` wrote in this folder; else the example of a checkout."""
ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", help="The config, one TOML file.", autocompletion=completions.configs),
]
TapeArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", help="Ticks or bars, .csv or .csv.gz, or the .frames.gz of a recording."),
]
TapeSymbolOption = Annotated[
    str | None,
    typer.Option(
        "--symbol", help="Whose they are, if the file does not say.", autocompletion=completions.symbols
    ),
]
WarmUpOption = Annotated[
    list[Path] | None,
    typer.Option("--history", help="Bars for warm-up, which fire nothing; left out: the watch's."),
]
BarOption = Annotated[
    str | None,
    typer.Option(
        "--bar",
        help="Timeframe of a file of bars, such as 5m; left out: its smallest step.",
        autocompletion=completions.timeframes,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
LogFormatOption = Annotated[
    LogFormat | None, typer.Option(help="Of the log; left out: colour on a terminal, else JSON.")
]


def load(path: Path) -> "Config":
    """The config that was named."""
    require(path)
    with starting():
        from tapewatch.check import load as load_file

        return load_file(path)


def require(path: Path) -> None:
    """Who named no config, and stands where there is none, is told how to name one."""
    if path == DEFAULT_CONFIG and not path.exists():
        from tapewatch import example

        raise WrongCommandError(
            f"there is no {_OWN} here: tapewatch init writes one. Or name your config; {example.config()} is an example"
        )


def speed(text: str) -> float | None:
    """`60x` as 60; `max` as None."""
    if text == "max":
        return None
    with suppress(ValueError):
        if text.endswith("x") and 0 < (factor := float(text[:-1])) < float("inf"):
            return factor
    raise WrongCommandError(f"{text!r} is no speed: write max, or seconds of tape a second such as 1x or 60x")


def span_ns(text: str) -> int:
    """`2h` in ns."""
    from tapewatch.values import span_ns

    with runner.wrong(ValueError):
        return span_ns(text)


def moment_ns(text: str) -> int:
    """An ISO 8601 time in ns UTC."""
    from tapewatch.values import moment_ns

    with runner.wrong(ValueError):
        return moment_ns(text)


def ago_ns(text: str, now: int) -> int:
    """`2h` as ns UTC so long before `now`, or an ISO 8601 time."""
    if text[:1].isdigit() and "-" not in text:
        return now - span_ns(text)
    return moment_ns(text)


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
