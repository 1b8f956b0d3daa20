"""The default watch, as a file."""

from pathlib import Path


def config() -> Path:
    """`sp500.toml`: inside the installed package, or in the checkout."""
    inside = Path(__file__).parent / "defaults" / "sp500.toml"
    return inside if inside.exists() else Path(__file__).parents[2] / "config" / "sp500.toml"
