"""Questions on a terminal: each has a default, and may be answered by an option beforehand."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import typer

from tapewatch.problems import did_you_mean
from tapewatch.runner import WrongCommandError
from tapewatch.terminal import Terminal

T = TypeVar("T")


class WrongAnswerError(ValueError):
    """An answer that cannot be; the message says what could."""


class Dialogue:
    """Asks, and asks again where an answer cannot be.

    Args:
        terminal: where questions are shown.
        asks: whether somebody is there to answer.
        takes_defaults: whether every question is answered by its default.
    """

    def __init__(self, terminal: Terminal, *, asks: bool, takes_defaults: bool) -> None:
        self._terminal = terminal
        self._asks = asks and not takes_defaults
        self._takes_defaults = takes_defaults

    def title(self, number: int, text: str) -> None:
        """Begins a question, of five."""
        if self._asks:
            self._terminal.print(f"\n{number} of 5  {text}", style="bold", markup=False)

    def tell(self, text: str) -> None:
        """A line beside the questions."""
        if self._asks:
            self._terminal.print(text, markup=False, style="dim", soft_wrap=True)

    def choices(self, rows: Sequence[tuple[str, str]]) -> None:
        """What may be answered: a number for each row."""
        if not self._asks:
            return
        width = max(len(name) for name, _ in rows)
        for i, (name, meaning) in enumerate(rows, 1):
            self._terminal.print(
                f"  {i:>2}  {name:<{width}}  {meaning}", markup=False, soft_wrap=True, no_wrap=True
            )

    def ask(self, prompt: str, option: str, given: str | None, default: str, read: Callable[[str], T]) -> T:
        """What `read` makes of the answer: of the option if that was given, else of what is typed.

        Raises:
            WrongCommandError: the option's answer, or with --yes the default, cannot be, or there is nobody to ask.
        """
        if given is not None or self._takes_defaults:
            try:
                return read(default if given is None else given)
            except WrongAnswerError as error:
                raise WrongCommandError(f"{option}: {error}") from None
        if not self._asks:
            raise WrongCommandError(
                f"there is no terminal to ask on: give {option}, or --yes for what would be proposed"
            )
        while True:
            try:
                return read(typer.prompt(f"  {prompt}", default=default, show_default=bool(default)).strip())
            except WrongAnswerError as error:
                self._terminal.print(f"  {error}", markup=False, style="yellow", soft_wrap=True)

    def hidden(self, prompt: str, read: Callable[[str], str]) -> str | None:
        """A secret, typed unseen; None: nothing was typed, or nobody is there to type."""
        if not self._asks:
            return None
        while True:
            try:
                typed = read(typer.prompt(f"  {prompt}", default="", show_default=False, hide_input=True))
            except WrongAnswerError as error:
                self._terminal.print(f"  {error}", markup=False, style="yellow", soft_wrap=True)
            else:
                return typed or None


def one_of(answer: str, names: Sequence[str]) -> str:
    """The name that was answered, or the one whose number was.

    Raises:
        WrongAnswerError: it is none of them.
    """
    if answer.isdecimal() and 1 <= int(answer) <= len(names):
        return names[int(answer) - 1]
    if answer.lower() in names:
        return answer.lower()
    near = did_you_mean(
        answer, names, f"write {' or '.join(filter(None, (', '.join(names[:-1]), names[-1])))}"
    )
    raise WrongAnswerError(f"{answer!r} is none of them: {near}")


def some_of(answer: str, names: Sequence[str]) -> list[str]:
    """The same of several, separated by commas; each once, in the order of the answer.

    Raises:
        WrongAnswerError: one is none of them, or there is none at all.
    """
    words = [word for word in (each.strip() for each in answer.split(",")) if word]
    if not words:
        raise WrongAnswerError(f"name one at least: {', '.join(names)}")
    return list(dict.fromkeys(one_of(word, names) for word in words))


def numbers(answer: str, count: int) -> list[int]:
    """`1,3-5` as [0, 2, 3, 4]: places, each once, in order.

    Raises:
        WrongAnswerError: it is no such list, or beyond the last of `count`.
    """
    found: set[int] = set()
    for part in (each.strip() for each in answer.split(",")):
        first, dash, last = (each.strip() for each in part.partition("-"))
        if not first.isdecimal() or not (last.isdecimal() if dash else True):
            raise WrongAnswerError(f"{part!r} is no number: write some such as 1,3-5, or all, or none")
        chosen = range(int(first), int(last if dash else first) + 1)
        if not chosen or chosen[0] < 1 or chosen[-1] > count:
            raise WrongAnswerError(f"{part}: there are 1 to {count}")
        found.update(chosen)
    return [own - 1 for own in sorted(found)]
