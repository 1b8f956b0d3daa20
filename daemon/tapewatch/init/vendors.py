"""Whom ticks may come from, in a line for people, and what each must know of us."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vendor:
    """A vendor of `feeds/vendors.py`."""

    title: str
    needs: tuple[str, ...]
    """Of `key` and `secret`."""
    costs: str
    """What it takes, in few words."""
    has_history: bool = True


VENDORS = {
    "alpaca": Vendor("Alpaca", ("key", "secret"), "needs a free account"),
    "massive": Vendor("Massive, formerly Polygon.io", ("key",), "needs a plan with real-time ticks"),
    "finnhub": Vendor("Finnhub", ("key",), "needs a free account", has_history=False),
    "kraken": Vendor("Kraken", (), "wants no key"),
    "coinbase": Vendor("Coinbase", (), "wants no key"),
}
"""By the config's `vendor`; one that has to be described (`json`) is for an editor, not for five questions."""
