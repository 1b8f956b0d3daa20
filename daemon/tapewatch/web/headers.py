"""Headers of every answer: nothing is kept, and a browser lets nobody else look in, run or be sent anything.

Source: https://www.w3.org/TR/CSP3/, https://fetch.spec.whatwg.org/, https://html.spec.whatwg.org/ (opener policy).
"""

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_ALL = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_UNLESS_SET = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def marked(send: Send) -> Send:
    """`send`, which puts them on what is answered; what may be kept, and for whom, an answer may say itself."""

    async def marking(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_ALL)
            for name, value in _UNLESS_SET.items():
                headers.setdefault(name, value)
        await send(message)

    return marking
