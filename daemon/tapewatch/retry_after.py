"""The header in which a server says when to come again."""

import re
import time
from email.utils import parsedate_to_datetime


def retry_after(header: str) -> float | None:
    """Seconds that a `Retry-After` asks for, a number or an HTTP date (RFC 9110, 10.2.3); None if it is neither."""
    if re.fullmatch(r"[0-9]{1,9}", header):
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
