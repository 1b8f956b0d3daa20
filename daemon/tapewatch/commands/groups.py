"""Commands of which `list` may be left out."""

from typing import Any

from typer.core import TyperGroup


class ListByDefault(TyperGroup):
    """`tapewatch dead desk` is `tapewatch dead list desk`: what is no command is an argument of `list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Called by typer with what stands after the group's name."""
        if not args or (args[0] != "--help" and args[0] not in self.commands):
            args = ["list", *args]
        return super().parse_args(ctx, args)
