"""What was written, and what to type next."""

from pathlib import Path

from rich.console import Console

from tapewatch.init import hidden, text
from tapewatch.init.answers import Answers
from tapewatch.init.place import Written


def show(answers: Answers, written: Written, file: Path, console: Console) -> None:
    """For people."""
    rules = f"{written.rules} rule{'' if written.rules == 1 else 's'}"
    names = ", ".join(own.name for own in answers.receivers) or "nobody"
    _print(console, f"{file}: good: {answers.symbol.symbol} with {rules}; alerts go to {names}")
    secret = [own.file for own in answers.all_secrets() if own.typed is not None]
    if secret:
        _print(console, f"for you alone to read: {', '.join(secret)}")
    missing = [own.variable for own in answers.all_secrets() if not hidden.is_there(own)]
    if missing:
        _print(console, f"still missing: {', '.join(missing)}")
    _print(console, "\nnext:")
    steps = text.commands(answers, str(file))
    width = max(len(command) for command, _ in steps)
    for command, why in steps:
        _print(console, f"  {command:<{width}}  # {why}")


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
