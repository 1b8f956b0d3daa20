"""The cookie of who has logged in: made of the token, never the token itself, and good for a month.

Nothing is kept here: it holds until then, on every process with the token, or until there is another token.

Source: https://www.rfc-editor.org/rfc/rfc6265 (cookies), RFC 2104 (HMAC).
"""

import hashlib
import hmac
from datetime import timedelta
from time import time

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

LASTS = int(timedelta(days=30).total_seconds())
_DIGITS = 12
"""Of a time in s, at most."""


class Sessions:
    """Makes cookies, and knows its own.

    Args:
        token: what one has to know to get one.
        instance: the config's `name`; several on one host must not take each other's, as ports share cookies.
    """

    def __init__(self, token: str, instance: str) -> None:
        self._key = token.encode()
        self._instance = instance
        self._name = f"tapewatch-{instance}"

    def sent(self, headers: Headers) -> str | None:
        """The value that a request brings; None if there is none."""
        values = [cookie_parser(own).get(self._name) for own in headers.getlist("cookie")]
        return next((value for value in values if value is not None), None)

    def is_ours(self, value: str) -> bool:
        """Whether we made it, and it still holds."""
        made, _, _ = value.partition(".")
        if not (made.isascii() and made.isdecimal() and len(made) <= _DIGITS):
            return False
        return hmac.compare_digest(value.encode(), self._value(int(made)).encode()) and (
            abs(time() - int(made)) < LASTS  # clocks are set back, and that of who made it may be ahead
        )

    def begin(self, *, secure: bool) -> str:
        """The Set-Cookie header of one who has logged in.

        Args:
            secure: whether it is for https alone.
        """
        return self._cookie(self._value(int(time())), LASTS) + ("; Secure" if secure else "")

    def end(self) -> str:
        """The Set-Cookie header that takes it away."""
        return self._cookie("", 0)

    def _value(self, made: int) -> str:
        text = f"tapewatch page\n{self._instance}\n{made}"
        return f"{made}.{hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()}"

    def _cookie(self, value: str, seconds: int) -> str:
        return f"{self._name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict"
