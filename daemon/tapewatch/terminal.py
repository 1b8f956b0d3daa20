"""The console that commands write to."""

from typing import NoReturn

from rich.console import Console


class Terminal(Console):
    """Does not guess what is a number; that its reader has left is an error like others, where rich ends the process."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> NoReturn:
        """Called by rich."""
        raise BrokenPipeError
