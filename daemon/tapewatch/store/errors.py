"""What can go wrong with Redis, in words for the one who must act."""


class RedisUnavailableError(Exception):
    """No Redis to work with; the message names where it was looked for and what would help."""


class RedisVersionError(RedisUnavailableError):
    """The Redis that answers is older than 6.2."""


class FencedError(Exception):
    """The instance is not this process's any more: it must write nothing further.

    Args:
        instance: the config's `name`.
        own: this process's fencing token.
        held: the token that Redis holds.
    """

    def __init__(self, instance: str, own: int, held: int) -> None:
        super().__init__(
            f"instance {instance!r}: another process took it over (fencing token {held}, this process has {own})"
        )


class GapError(Exception):
    """Redis does not hold the commit before this one.

    Args:
        sequence: number of the commit that was refused.
        held: number of the last commit that Redis holds.
    """

    def __init__(self, sequence: int, held: int) -> None:
        super().__init__(
            f"commit {sequence} does not follow commit {held}, the last that Redis holds:"
            " Redis has lost data, or something else wrote to the keys of this instance"
        )
        self.held = held


class LeaseLostError(Exception):
    """Another process leads this instance now.

    Args:
        instance: the config's `name`.
    """

    def __init__(self, instance: str) -> None:
        super().__init__(f"instance {instance!r}: another process has the lease")
