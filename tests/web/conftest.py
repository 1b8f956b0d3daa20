"""A process that leads on a Redis of its own."""

from vital_parts import leader, redis

__all__ = ["leader", "redis"]
