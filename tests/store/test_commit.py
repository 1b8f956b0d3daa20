import asyncio

import pytest
from crossings import commit, crossing
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tapewatch.alerts.alert import decode, encode
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import State, Store
from tapewatch.store.errors import FencedError, GapError

HOT = Snapshot(b"\x00hot\xff\r\n", None)


async def alert_ids(redis: Redis, store: Store) -> list[str]:
    return [fields[b"id"].decode() for _, fields in await redis.xrange(store.keys.alerts)]


async def test_a_new_instance_holds_nothing(store: Store) -> None:
    assert await store.load() == State(0, {})


async def test_what_was_committed_is_loaded_to_the_last_bit(store: Store, redis: Redis) -> None:
    everything = bytes(range(256))
    await store.commit(
        commit(1, {"SPX": Snapshot(everything, b"rings"), "XLC/SPY": Snapshot(b"a", b"b")}, [])
    )
    await store.commit(commit(2, {"SPX": Snapshot(everything[::-1], None)}, []))

    opened = await Store(redis, "sp500").open()

    assert opened == State(2, {"SPX": Snapshot(everything[::-1], b"rings"), "XLC/SPY": Snapshot(b"a", b"b")})


async def test_a_commit_of_many_symbols_is_one_commit(store: Store) -> None:
    many = {f"S{i}": Snapshot(b"%d" % i, b"rings of %d" % i) for i in range(5_000)}
    await store.commit(commit(1, many, []))
    assert await store.load() == State(1, many)


async def test_alerts_are_logged_in_order_as_their_json(store: Store, redis: Redis) -> None:
    fired = [crossing(id_) for id_ in ("c", "a", "b")]
    await store.commit(commit(1, {"SPX": HOT}, fired[:2]))
    await store.commit(commit(2, {"SPX": HOT}, fired[2:]))

    entries = [fields for _, fields in await redis.xrange(store.keys.alerts)]

    assert entries == [{b"id": one.id.encode(), b"json": encode(one)} for one in fired]
    assert await redis.smembers(store.keys.ids) == {b"a", b"b", b"c"}


async def test_each_alert_is_published_once_on_the_channel_of_its_symbol(store: Store, redis: Redis) -> None:
    async with redis.pubsub() as listener:
        await listener.psubscribe("tapewatch:*")
        await listener.get_message(timeout=5)  # the subscription itself
        spx, spy = crossing("1"), crossing("2", "SPY")
        await store.commit(commit(1, {"SPX": HOT}, [spx, spy]))
        await store.commit(commit(1, {"SPX": HOT}, [spx, spy]))
        await store.commit(commit(2, {"SPX": HOT}, [spx]))
        await redis.publish("tapewatch:end", "")

        heard = []
        while (message := await listener.get_message(timeout=5))["channel"] != b"tapewatch:end":
            heard.append((message["channel"], decode(message["data"])))

    assert heard == [(b"tapewatch:sp500:alerts:SPX", spx), (b"tapewatch:sp500:alerts:SPY", spy)]


async def test_a_commit_that_is_sent_twice_is_done_once(store: Store, redis: Redis) -> None:
    await store.commit(commit(1, {"SPX": Snapshot(b"first", None)}, [crossing("1")]))
    await store.commit(commit(1, {"SPX": Snapshot(b"again", None)}, [crossing("2")]))

    assert await store.load() == State(1, {"SPX": Snapshot(b"first", None)})
    assert await alert_ids(redis, store) == ["1"]


async def test_an_alert_that_fires_again_after_a_restart_is_not_logged_again(
    store: Store, redis: Redis
) -> None:
    await store.commit(commit(1, {"SPX": HOT}, [crossing("1"), crossing("2")]))
    restarted = Store(redis, "sp500")
    await restarted.open()
    await restarted.commit(commit(2, {"SPX": HOT}, [crossing("2"), crossing("3")]))

    assert await alert_ids(redis, store) == ["1", "2", "3"]


async def test_a_process_that_was_replaced_writes_nothing_more(store: Store, redis: Redis) -> None:
    await store.commit(commit(1, {"SPX": HOT}, []))
    successor = Store(redis, "sp500")
    await successor.open()

    with pytest.raises(FencedError, match=r"'sp500'.*another process took it over.*token 2.*has 1"):
        await store.commit(commit(2, {"SPX": Snapshot(b"old", None)}, [crossing("old")]))
    await successor.commit(commit(2, {"SPX": Snapshot(b"new", None)}, []))

    assert await store.load() == State(2, {"SPX": Snapshot(b"new", None)})
    assert await alert_ids(redis, store) == []


async def test_another_instance_on_the_same_redis_is_left_alone(store: Store, redis: Redis) -> None:
    other = Store(redis, "crypto")
    await other.open()
    await store.commit(commit(1, {"SPX": HOT}, []))
    await other.commit(commit(1, {"BTC/USD": HOT}, []))
    assert (await store.load()).snapshots == {"SPX": HOT}


async def test_a_redis_that_lost_its_data_is_not_written_to(store: Store, redis: Redis) -> None:
    await store.commit(commit(1, {"SPX": HOT}, []))
    await redis.flushall()
    with pytest.raises(GapError, match="Redis has lost data"):
        await store.commit(commit(2, {"SPX": HOT}, []))
    assert await redis.keys() == []


@pytest.mark.parametrize("sequence", [1, 4])
async def test_a_commit_out_of_sequence_writes_nothing(store: Store, redis: Redis, sequence: int) -> None:
    await store.commit(commit(1, {"SPX": HOT}, []))
    await store.commit(commit(2, {"SPX": HOT}, []))
    with pytest.raises(GapError, match=f"commit {sequence} does not follow commit 2") as raised:
        await store.commit(commit(sequence, {"SPX": Snapshot(b"stray", None)}, [crossing("stray")]))
    assert raised.value.held == 2
    assert await store.load() == State(2, {"SPX": HOT})
    assert await alert_ids(redis, store) == []


async def test_nobody_sees_half_a_commit(store: Store, redis: Redis) -> None:
    """The number in the snapshot, the sequence and the number of alerts agree, whenever one looks."""
    done = asyncio.Event()

    async def look() -> int:
        looks = 0
        while not done.is_set():
            async with redis.pipeline(transaction=True) as pipe:
                pipe.hget(store.keys.commit, "sequence").hgetall(store.keys.snapshot).xlen(store.keys.alerts)
                sequence, fields, alerts = await pipe.execute()
            assert {int(value) for value in fields.values()} <= {int(sequence or 0)}
            assert alerts == int(sequence or 0)
            looks += 1
        return looks

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look())
        for n in range(1, 101):
            state = Snapshot(b"%d" % n, b"%d" % n)
            await store.commit(commit(n, {f"S{i}": state for i in range(20)}, [crossing(str(n))]))
        done.set()
    assert looking.result() > 1


async def test_a_redis_that_is_full_takes_nothing_of_a_commit(store: Store, redis: Redis) -> None:
    await redis.config_set("maxmemory", "1")
    with pytest.raises(ResponseError, match="maxmemory"):
        await store.commit(commit(1, {"SPX": HOT}, [crossing("1")]))
    await redis.config_set("maxmemory", "0")

    assert await store.load() == State(0, {})
    assert await alert_ids(redis, store) == []
    await store.commit(commit(1, {"SPX": HOT}, [crossing("1")]))
    assert await alert_ids(redis, store) == ["1"]


async def test_the_script_survives_a_redis_that_forgot_it(store: Store, redis: Redis) -> None:
    await store.commit(commit(1, {"SPX": HOT}, []))
    await redis.script_flush()
    await store.commit(commit(2, {"SPX": HOT}, []))
    assert (await store.load()).sequence == 2


async def test_trimming_keeps_the_newest_alerts_and_their_ids(store: Store, redis: Redis) -> None:
    await store.commit(commit(1, {}, [crossing(f"{n:03}") for n in range(250)]))
    await store.trim(keep=30)

    newest = [f"{n:03}" for n in range(220, 250)]
    assert await alert_ids(redis, store) == newest
    assert await redis.smembers(store.keys.ids) == {id_.encode() for id_ in newest}


async def test_trimming_a_short_stream_drops_nothing(store: Store, redis: Redis) -> None:
    await store.commit(commit(1, {}, [crossing("1")]))
    await store.trim()
    assert await alert_ids(redis, store) == ["1"]
    assert await redis.scard(store.keys.ids) == 1
