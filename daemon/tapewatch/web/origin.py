"""Whether a request that changes something comes from our own page, or from no browser.

A browser names the page that a POST or DELETE comes from in its Origin header; another site's page cannot leave it
out or write another one. The cookie alone would not do: a page on another port of this host is sent it, too.

Source: https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from tapewatch.web.guard import Guard, Refusal

READING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

_FOREIGN = Refusal(403, "this may come from the live page alone, or from a program that is no browser", {})


def foreign(guard: Guard, headers: Headers, url: str | None) -> Refusal | None:
    """Why a request that changes something is refused; None if it is ours.

    Args:
        guard: has let it through.
        headers: its own.
        url: where people reach the page, as the config has it: a proxy may send us another Host.
    """
    origin = headers.get("origin")
    if origin is None:
        alone = guard.sessions is None and "sec-fetch-site" not in headers
        return None if alone or guard.has_bearer(headers) else _FOREIGN
    try:
        parts = urlsplit(origin)
    except ValueError:
        return _FOREIGN
    if url is not None and parts.netloc.lower() == urlsplit(url).netloc.lower():
        return None if origin.lower() == url.lower() else _FOREIGN
    ours = parts.scheme in ("http", "https") and parts.netloc.lower() == headers.get("host", "").lower()
    return None if ours else _FOREIGN
