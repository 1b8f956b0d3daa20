"""The receivers of a process: what is built of those that the config names."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tapewatch.config import Config, Receiver
from tapewatch.notify.build import build
from tapewatch.notify.sender import Sender

_READ_BY_SENDERS = ("template", "ca_file")
"""Keys of files that are no secrets, and that a sender reads when it is built."""

_SALT = os.urandom(16)


@dataclass(frozen=True)
class Built:
    """A receiver with its sender."""

    receiver: Receiver
    sender: Sender = field(compare=False)
    outside: Mapping[str, bytes]
    """Digests of what is not in the config itself, but in files and variables that it names: `url`, `template`, …"""


class Receivers:
    """Builds receivers, and keeps what is built of those of the config as it is.

    Args:
        http: shared by all senders.
        config: as the process begins.

    Raises:
        ReceiverError, ConfigError: one cannot be built.
    """

    def __init__(self, http: httpx.AsyncClient, config: Config) -> None:
        self._http = http
        self.built = self.build(config)
        """By name. Whoever takes another config over sets what `build` made of that."""

    def build(self, config: Config) -> dict[str, Built]:
        """All receivers of `config`, by name, from what their files hold now; nothing changes by that.

        Raises:
            ReceiverError: a secret is missing, or the config of a receiver makes no sense.
            ConfigError: the file of a secret cannot be read.
        """
        return {receiver.name: self._build(config, receiver) for receiver in config.receiver}

    def _build(self, config: Config, receiver: Receiver) -> Built:
        outside: dict[str, bytes] = {}

        def secret(name: str, field: str, file: Path | None) -> str | None:
            value = config.secret("receiver", name, field, file)
            outside[field] = _digest((value or "").encode())
            return value

        sender = build(receiver, secret, self._http)
        for key in _READ_BY_SENDERS:
            if file := getattr(receiver, key, None):
                outside[key] = _digest(file.read_bytes())
        return Built(receiver, sender, outside)


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, key=_SALT, digest_size=16).digest()


def turned(old: Built, new: Built) -> list[str]:
    """What was other outside of the config when `new` was built, such as `secret`."""
    keys = old.outside.keys() | new.outside.keys()
    return sorted(key for key in keys if old.outside.get(key) != new.outside.get(key))
