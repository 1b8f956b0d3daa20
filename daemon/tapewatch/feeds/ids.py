"""Trade ids as the engine takes them: int64, unique within an exchange."""

import hashlib


def trade_id(text: str) -> int:
    """A trade id as int64: a decimal number as it is, else a hash of 63 bits, the same in every run."""
    try:
        number = int(text)
    except ValueError:
        pass
    else:
        if number.bit_length() < 64:
            return number
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
