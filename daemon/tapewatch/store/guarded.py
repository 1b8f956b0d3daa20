"""How well the way to Redis is guarded: what to warn of, and what a TLS error means.

Source: redis-py 8.1, `redis/asyncio/connection.py`: `rediss://` checks certificate and host name unless options of the
URL (`ssl_cert_reqs`, `ssl_check_hostname`) say otherwise.
"""

import ssl
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from redis.exceptions import RedisError

_OFF = {"0", "f", "false", "n", "no"}
"""What redis-py reads as false."""


def weaknesses(url: str) -> list[str]:
    """What is not safe about the way to the Redis at `url`, and what would be; nothing of the URL is quoted.

    Args:
        url: one that redis-py takes.
    """
    parts = urlsplit(url)
    options = {name: values[0].lower() for name, values in parse_qs(parts.query).items()}
    if parts.scheme == "redis":
        password = parts.password or options.get("password")
        if password and not _is_this_machine(parts.hostname or "localhost"):
            return ["the password and all data go over the network in the clear: use rediss://"]
        return []
    if parts.scheme != "rediss":
        return []
    if options.get("ssl_cert_reqs", "required") != "required":
        return ["its certificate is not checked, so anybody may answer in its place: leave ssl_cert_reqs out"]
    if options.get("ssl_check_hostname") in _OFF:
        return ["whose certificate it is is not checked: leave ssl_check_hostname out"]
    return []


def why(error: RedisError, *, tls: bool) -> str:
    """Why there is no connection, for the one who must act; `tls`: whether it was to be one over TLS."""
    match error.__context__:
        case ssl.SSLCertVerificationError() as own:
            advice = "if the CA is your own, name it in redis.ca_file"
            return f"its certificate is not trusted: {own.verify_message.rstrip('.')}; {advice}"
        case ssl.SSLError(reason="TLSV13_ALERT_CERTIFICATE_REQUIRED"):
            return f"it hung up; {_WANTS_OURS}"
        case ConnectionResetError() if tls:  # which may come before the alert that says so
            return f"it hung up; {_WANTS_OURS}"
        case ssl.SSLError(reason="KEY_VALUES_MISMATCH"):
            return "redis.key_file is not the key of redis.cert_file"
        case ssl.SSLError() as own if own.reason in _NO_PEM or "PEM lib" in str(own):
            return "redis.ca_file, redis.cert_file or redis.key_file holds no PEM of its kind"
        case ssl.SSLError() as own:
            return f"it does not speak TLS as we do: {own.reason or own.strerror}"
    return str(error)


_WANTS_OURS = "if it wants a certificate of ours, name that in redis.cert_file, and its key in redis.key_file"
_NO_PEM = ("NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE", "PEM_LIB", "BAD_BASE64_DECODE")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
