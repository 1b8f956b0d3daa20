"""The Redis: the files for TLS fit its URL."""

from collections.abc import Iterator

from tapewatch.check.tables import Finding, Written
from tapewatch.config.redis import NOT_TLS, TLS_FILES
from tapewatch.urls import is_tls


def check_redis(config: Written) -> Iterator[Finding]:
    """All that is wrong with `[redis]` by itself."""
    table = config.table("redis")
    url = table.text("url")
    for key in TLS_FILES:
        if key in table.data and url is not None and not is_tls(url):
            yield table.error(key, NOT_TLS)
    if "key_file" in table.data and "cert_file" not in table.data:
        yield table.error("key_file", "is the key of a certificate: name that in cert_file")
