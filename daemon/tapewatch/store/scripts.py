"""The Lua scripts, which lie beside the modules that use them."""

from importlib.resources import files


def script(name: str) -> str:
    """The text of a script of this package."""
    return (files("tapewatch.store") / name).read_text("utf-8")
