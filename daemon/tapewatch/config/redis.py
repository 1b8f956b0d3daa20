"""Which Redis, and how its certificate and ours are known."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from tapewatch import secrets
from tapewatch.config.table import Table
from tapewatch.problems import ConfigError, Problem
from tapewatch.urls import is_tls, with_options
from tapewatch.values import File, RedisUrl

TLS_FILES = {"ca_file": "ssl_ca_certs", "cert_file": "ssl_certfile", "key_file": "ssl_keyfile"}
"""The keys for `rediss://`, and redis-py's options of a URL that they stand for."""

NOT_TLS = "is for a Redis that is reached over TLS: its URL begins with rediss://"


class Redis(Table):
    """Which Redis. Without a URL a server is started as a child, its data in the state folder."""

    url: RedisUrl | None = Field(default=None, description="It may hold a password, and is shown nowhere.")
    url_file: File | None = Field(
        default=None, description="File that holds the URL. Or set `TAPEWATCH_REDIS_URL`."
    )
    ca_file: File | None = Field(
        default=None,
        description="With `rediss://`: a CA certificate to trust beside the system's, as PEM.",
    )
    cert_file: File | None = Field(
        default=None, description="With `rediss://`: our own certificate, where the server wants one, as PEM."
    )
    key_file: File | None = Field(default=None, description="Its key; left out: `cert_file` holds that, too.")
    fsync: Literal["everysec", "always"] = Field(
        default="everysec",
        description="Of the server started as a child: when commits are on disk, each second or before each answer.",
    )

    def address(self) -> str | None:
        """The URL, its `url_file` or TAPEWATCH_REDIS_URL, with the files for TLS as its options; None without any.

        Raises:
            ConfigError: a file cannot be read, or `url_file` is empty; or there are files for TLS, and the URL is
                not `rediss://`.
        """
        url = self._url()
        options = dict(self._options())
        if not options:
            return url
        if url is None or not is_tls(url):
            key = next(key for key, option in TLS_FILES.items() if option in options)
            raise ConfigError([Problem(getattr(self, key), None, f"[redis] {key}", NOT_TLS)])
        return with_options(url, options)

    def _url(self) -> str | None:
        if self.url is not None:
            return self.url.get_secret_value()
        if self.url_file is not None:
            return secrets.read(self.url_file)
        return secrets.from_environment("TAPEWATCH_REDIS_URL")

    def _options(self) -> Iterator[tuple[str, str]]:
        for key, option in TLS_FILES.items():
            if file := getattr(self, key):
                yield option, str(secrets.readable(file))
