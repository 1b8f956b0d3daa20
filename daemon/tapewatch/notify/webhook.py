"""Webhook: POST of the alert's CloudEvents JSON, signed as the Standard Webhooks specification has it.

Sources: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, 3.2

A receiver checks `webhook-signature` with any Standard Webhooks library, refuses an old `webhook-timestamp`,
and drops a `webhook-id` that it has seen: an alert may come more than once.
"""

import base64
import binascii
import hashlib
import hmac
import time

import httpx

from tapewatch.notify.http import check, post
from tapewatch.notify.message import Message

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret, not one


class Webhook:
    """Posts to one URL."""

    pictures = False

    def __init__(self, url: str, secret: str, http: httpx.AsyncClient) -> None:
        """`secret` as for `signing_key`, which may raise."""
        self._url = url
        self._key = signing_key(secret)
        self._http = http

    async def send(self, message: Message) -> None:
        """Posts the alert's JSON as it is, signed at the time of this attempt; see `Sender.send`.

        A webhook has no stage that waits (no `group_wait`, `cooldown`, `quiet`, `stale_after`), so its messages are
        of one alert.
        """
        (body,) = message.bodies
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._key, message.id, timestamp, body),
        }
        check(await post(self._http, self._url, body, headers))


def signing_key(secret: str) -> bytes:
    """The key that `secret` stands for: base64 after `whsec_`, otherwise its own UTF-8 bytes.

    Raises:
        ValueError: what follows `whsec_` is not base64.
    """
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {SECRET_PREFIX} is not base64") from None


def sign(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,` and base64 of HMAC-SHA-256 over id, timestamp (s) and body."""
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
