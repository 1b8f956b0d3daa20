"""What a symbol is called where, and when it trades: those that many watch by name, the others by their form."""

import re
from dataclasses import dataclass, replace

from tapewatch.values import SYMBOL_PATTERN


class UnknownSymbolError(ValueError):
    """What can be no symbol; the message says what one looks like."""


@dataclass(frozen=True)
class Symbol:
    """A symbol to be watched."""

    symbol: str
    title: str | None
    calendar: str
    vendors: tuple[str, ...]
    """Who has it, the most likely first."""
    names: tuple[tuple[str, str], ...] = ()
    """What vendors call it, where that is another name; a pair always has one, or it would be read as a ratio."""

    def feed_symbol(self, vendor: str) -> str | None:
        """What `vendor` calls it; None: the same."""
        return dict(self.names).get(vendor)


_STOCKS = ("alpaca", "massive", "finnhub")
_INDICES = ("massive",)
_PAIRS = ("kraken", "coinbase")

_NAMED = {
    "SPX": "S&P 500",
    "NDX": "Nasdaq 100",
    "DJI": "Dow Jones Industrial Average",
    "RUT": "Russell 2000",
    "VIX": "Cboe Volatility Index",
}
_FUNDS = {
    "SPY": "SPDR S&P 500 ETF",
    "QQQ": "Invesco QQQ",
    "DIA": "SPDR Dow Jones ETF",
    "IWM": "iShares Russell 2000 ETF",
    "GLD": "SPDR Gold Shares",
    "TLT": "iShares 20+ Year Treasury Bond ETF",
}
_COINS = {
    "BTC": "Bitcoin",
    "ETH": "Ether",
    "SOL": "Solana",
    "XRP": "XRP",
    "DOGE": "Dogecoin",
    "LTC": "Litecoin",
}
_MONEY = ("USDT", "USDC", "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "BTC", "ETH")
"""What coins are priced in."""

KNOWN = (*_NAMED, *_FUNDS, *(f"{coin}/USD" for coin in _COINS))
"""Symbols that are known by name, for completion."""

_PAIR = re.compile(r"([A-Z0-9]{2,10})[/-]?(" + "|".join(_MONEY) + ")")
_LONGEST = 32


def read(text: str) -> Symbol:
    """What somebody means who writes `spx`, `I:SPX`, `btc-usd`, `AAPL` or `XLC/SPY`.

    Raises:
        UnknownSymbolError: it can be no symbol.
    """
    own = text.strip().upper()
    if not re.match(SYMBOL_PATTERN, own) or len(own) > _LONGEST:
        raise UnknownSymbolError(
            f"{text!r} is no symbol: write one such as SPX, SPY, AAPL or BTC/USD, or XLC/SPY for a ratio"
        )
    if pair := _pair(own):
        return pair
    if "/" in own:
        return _ratio(own)
    bare = own.removeprefix("I:")
    if bare != own or bare in _NAMED:
        return Symbol(bare, _NAMED.get(bare), "XNYS", _INDICES, (("massive", f"I:{bare}"),))
    return Symbol(own, _FUNDS.get(own), "XNYS", _STOCKS)


def _pair(own: str) -> Symbol | None:
    """A coin's price; `BTCUSD` only where the coin is known, as `MUSD` may be a stock."""
    form = _PAIR.fullmatch(own)
    if form is None or (form[1] not in _COINS and "/" not in own and "-" not in own):
        return None
    name = f"{form[1]}/{form[2]}"
    coin = _COINS.get(form[1])
    title = coin if coin is None or form[2] == "USD" else f"{coin} in {form[2]}"
    return Symbol(name, title, "24/7", _PAIRS, tuple((vendor, name) for vendor in _PAIRS))


def _ratio(own: str) -> Symbol:
    """A composite: one divided by the other, both of one kind."""
    legs = own.split("/")
    if len(legs) != 2 or not all(legs):
        raise UnknownSymbolError(f"{own!r} is no ratio: write two symbols, such as XLC/SPY")
    first, second = (read(leg) for leg in legs)
    if first.vendors != second.vendors:
        raise UnknownSymbolError(f"{own}: no vendor has both an index and a stock on one feed")
    if first.names:  # one of two indices: the vendor's names stand in it, as nobody watches the legs
        own = "/".join(dict(leg.names).get("massive", leg.symbol) for leg in (first, second))
    return replace(first, symbol=own, title=None, names=())
