"""Where the feeds of a config connect to. It compiles nothing, so that commands may ask it, too."""

from collections.abc import Iterable

from tapewatch import instruments
from tapewatch.config import Config, Feed
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.vendors import VENDORS


class FeedError(ValueError):
    """A feed that cannot be connected as configured; the message says what would be right."""


def urls(feed: Feed, known: Credentials, symbols: Iterable[str]) -> list[str]:
    """Where the feed connects to, and where else if that fails.

    Raises:
        FeedError: the vendor serves these symbols at several addresses.
    """
    vendor = VENDORS[feed.vendor]
    try:
        first = feed.url or vendor.url(feed, symbols)
    except ValueError as error:
        raise FeedError(f"feed {feed.name!r}: {error}") from None
    return [vendor.signed(url, known) for url in (first, feed.fallback_url) if url]


def moved(old: Config, new: Config) -> list[str]:
    """Names of the feeds, the same in both, that `old` connects elsewhere than `new`, as to indices and to stocks.

    Raises:
        FeedError: the vendor serves the symbols of one at several addresses.
    """
    found = []
    for before, after in zip(old.feed, new.feed, strict=True):
        asked = [list(instruments.asked(*of)) for of in ((old, before), (new, after))]
        if all(asked) and len({urls(after, Credentials(), own)[0] for own in asked}) > 1:
            found.append(after.name)
    return found
