"""The console that commands write to."""

from typing import NoReturn

from rich.console import Console


class Terminal(Console):
    """Colours no numbers; a reader that leaves is an error like any other, where rich would end the process."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> NoReturn:
        """Called by rich."""
        raise BrokenPipeError
