"""What people type for a symbol, and what vendors call it."""

import pytest

from tapewatch.init.symbols import UnknownSymbolError, read


@pytest.mark.parametrize(
    ("typed", "symbol", "vendor", "called", "calendar"),
    [
        ("spx", "SPX", "massive", "I:SPX", "XNYS"),
        ("I:NDX", "NDX", "massive", "I:NDX", "XNYS"),
        ("AAPL", "AAPL", "alpaca", None, "XNYS"),
        ("brk.b", "BRK.B", "alpaca", None, "XNYS"),
        ("BTC/USD", "BTC/USD", "kraken", "BTC/USD", "24/7"),
        ("btc-usd", "BTC/USD", "kraken", "BTC/USD", "24/7"),
        ("ETHUSDT", "ETH/USDT", "kraken", "ETH/USDT", "24/7"),
        ("PEPE/EUR", "PEPE/EUR", "kraken", "PEPE/EUR", "24/7"),
        ("XLC/SPY", "XLC/SPY", "alpaca", None, "XNYS"),
        ("NDX/SPX", "I:NDX/I:SPX", "massive", None, "XNYS"),
    ],
)
def test_symbols_as_people_type_them(
    typed: str, symbol: str, vendor: str, called: str | None, calendar: str
) -> None:
    own = read(typed)
    assert (own.symbol, own.vendors[0], own.calendar) == (symbol, vendor, calendar)
    assert own.feed_symbol(vendor) == called


@pytest.mark.parametrize("typed", ["", "A B", "SP*", "AAPL/", "A/B/C", "SPX/SPY", "X" * 40])
def test_what_is_no_symbol_is_named(typed: str) -> None:
    with pytest.raises(UnknownSymbolError, match=r"symbol|ratio|vendor"):
        read(typed)
