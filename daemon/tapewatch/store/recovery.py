"""At a start: what an earlier process left in the spool is committed, before anything is restored."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from tapewatch.store.commit import Store
from tapewatch.store.errors import FencedError
from tapewatch.store.server import answering
from tapewatch.store.spool import Spool

log = structlog.get_logger(__name__)


async def drop_if_followed(store: Store, spool: Spool) -> None:
    """Empties the spool if another process has opened the instance since its records were made.

    Raises:
        RedisError: Redis is away; the spool stays.
    """
    first = next(spool.records(), None)
    token, _ = await store.place()
    if first is not None and first.token < token:
        _drop(spool, str(FencedError(store.keys.instance, first.token, token)))


async def commit_spool(store: Store, spool: Spool, having: Callable[[str], Sequence[str]]) -> None:
    """Commits the records in their order, each under its own token and number; then the spool is empty.

    If another process has opened the instance since, they are dropped: it went on from what Redis had then.

    Args:
        store: not yet opened.
        spool: of this process.
        having: the receivers that have the alert with that id.

    Raises:
        RedisError, RedisUnavailableError: Redis is away; the spool stays.
    """
    if spool.empty:
        return
    async with answering():
        token, written = await store.place()
    forgotten = False
    for record in spool.records():
        commit = record.commit
        if record.token < token:
            _drop(spool, str(FencedError(store.keys.instance, record.token, token)))
            return
        if commit.sequence <= written:
            await asyncio.sleep(0)  # others want a turn: there may be very many
            continue
        if commit.sequence > written + 1:
            log.error("spool.gap", instance=store.keys.instance, missing=commit.sequence - written - 1)
            forgotten = True
        if forgotten:  # the state would be past alerts that nobody has: the ticks are to come again
            commit = commit._replace(snapshots={})
        have = {fired.alert.id: having(fired.alert.id) for fired in commit.alerts}
        # A Redis that has forgotten even the token gets them under the one that it has.
        async with answering():
            await store.commit(commit._replace(after=written), have, token=token)
        written = commit.sequence
        if commit.alerts:
            ids = [fired.alert.id for fired in commit.alerts]
            log.warning("spool.committed", instance=store.keys.instance, alerts=ids)
    spool.clear()


def _drop(spool: Spool, reason: str) -> None:
    """Empties the spool of a process that may no longer write; the log names what was in it."""
    for record in spool.records():
        for fired in record.commit.alerts:
            log.warning("spool.dropped", alert=fired.alert.id, text=fired.alert.data.text, reason=reason)
    spool.clear()
