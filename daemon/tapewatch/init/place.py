"""The files of a new watch: all of them, or none; secrets for their owner alone."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tapewatch.check import check
from tapewatch.config import json_schema
from tapewatch.init import past, text
from tapewatch.init.answers import SIMULATED_FOLDER, Answers
from tapewatch.market.sessions import sessions
from tapewatch.problems import ConfigError, Problem

_SECRET = 0o600
_PLAIN = 0o644


class TakenError(ValueError):
    """A file is there already; the message says what to do."""


@dataclass
class Written:
    """What was written."""

    files: list[Path] = field(default_factory=list)
    """In the order of writing; the config is the last."""
    rules: int = 0
    problems: list[Problem] = field(default_factory=list)
    """Warnings about the config."""


def refuse_if_taken(file: Path, force: bool) -> None:
    """Before anybody is asked anything.

    Raises:
        TakenError: the config cannot be put there.
    """
    if not file.parent.is_dir():
        raise TakenError(f"there is no folder {file.parent}: make it first")
    if not os.access(file.parent, os.W_OK):
        raise TakenError(f"nothing can be written into {file.parent}")
    if file.is_dir() or (file.exists() and not force):
        raise TakenError(f"{file} is there already: name another file, or --force to replace it")


def put(answers: Answers, file: Path, *, force: bool = False) -> Written:
    """Writes the config, what it needs, and the schema for editors.

    Raises:
        TakenError: somebody made the file meanwhile.
        ConfigError: the config is not good, which no answers should lead to.
        OSError: it cannot be written. Then, as in any other case, nothing is.
    """
    written = Written(rules=len(answers.rules))
    with _undone_if_it_fails(written.files):
        for secret in answers.all_secrets():
            if secret.typed is not None:
                _new(file.parent / secret.file, f"{secret.typed}\n", _SECRET, written.files)
        if answers.past.kind == "simulated":
            _simulated_bars(file.parent / SIMULATED_FOLDER, answers, written.files)
        _schema(file.parent / text.SCHEMA, written.files)
        content = text.config(answers, str(file))
        draft = _draft(file, content)
        try:
            written.problems = _problems(draft, file)
            _move(draft, file, force)
            written.files.append(file)
        finally:
            draft.unlink(missing_ok=True)
    return written


@contextmanager
def _undone_if_it_fails(files: list[Path]) -> Iterator[None]:
    """Whatever ends it early, Ctrl-C too, takes the files away again."""
    try:
        yield
    except BaseException:
        for own in reversed(files):
            own.unlink(missing_ok=True)
            with suppress(OSError):
                if own.parent.name == SIMULATED_FOLDER:
                    own.parent.rmdir()
        raise


def _problems(draft: Path, file: Path) -> list[Problem]:
    config, problems = check(draft)
    problems = [replace(own, file=file) for own in problems]
    if config is None:
        raise ConfigError(problems)
    return problems


def _new(file: Path, content: str, mode: int, files: list[Path]) -> None:
    """A file that nobody has yet, from its first byte on with its mode.

    Raises:
        TakenError: somebody has.
    """
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise TakenError(
            f"{file} is there already: move it away, or leave that answer empty to use it"
        ) from None
    files.append(file)
    with open(handle, "w", encoding="utf-8") as out:
        out.write(content)


def _simulated_bars(folder: Path, answers: Answers, files: list[Path]) -> None:
    """The bars before the simulated tape; they are the same wherever they are written."""
    folder.mkdir(exist_ok=True)
    scenario, _ = past.simulated(sessions(answers.symbol.calendar))
    with tempfile.TemporaryDirectory(dir=folder) as draft:
        scenario.write(Path(draft))
        for name in map(Path, answers.past.files):
            if not (folder / name.name).exists():
                files.append(folder / name.name)
                os.replace(Path(draft) / name.name, folder / name.name)


def _schema(file: Path, files: list[Path]) -> None:
    """The schema beside the config; an older one of ours is replaced, any other file left alone."""
    content = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if not file.exists():
        _new(file, content, _PLAIN, files)
    elif f'"title": "{json_schema()["title"]}"' in file.read_text(encoding="utf-8", errors="replace"):
        os.replace(_draft(file, content), file)


def _draft(file: Path, content: str) -> Path:
    """The content beside the file, under another name, as anybody's new file would be."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    umask = os.umask(0)
    os.umask(umask)
    with open(handle, "w", encoding="utf-8") as out:
        out.write(content)
    os.chmod(name, _PLAIN & ~umask)
    return Path(name)


def _move(draft: Path, file: Path, force: bool) -> None:
    """Gives the draft its name, in one step; without force, a file that is there stays."""
    if force:
        os.replace(draft, file)
        return
    try:
        os.link(draft, file)
    except FileExistsError:
        raise TakenError(f"{file} is there already: name another file, or --force to replace it") from None
    except OSError:  # a file system without hard links
        if file.exists():
            raise TakenError(
                f"{file} is there already: name another file, or --force to replace it"
            ) from None
        os.replace(draft, file)
