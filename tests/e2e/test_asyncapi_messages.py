"""What a daemon publishes and appends is what docs/asyncapi.yaml says, at the addresses that it names."""

import json

from house import House

from asyncapi_page import address, validator


async def test_each_message_fits_the_page(house: House) -> None:
    redis = await house.own_redis()
    house.write((await house.feed()).port)
    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(address("alerts", instance="e2e", symbol=house.case.symbol))
        await channel.get_message(timeout=5)
        daemon = await house.daemon()
        await house.played(redis)
        assert await daemon.stop() == 0, daemon.everything()
        published = []
        while message := await channel.get_message(timeout=0.2):
            published.append(message["data"])

    assert len(published) > 10
    alert, entry = validator("alert"), validator("entry")
    for body in published:
        alert.validate(json.loads(body))
    entries = await redis.xrange(address("stream", tag="{e2e}"))
    assert [fields[b"json"] for _, fields in entries] == published
    for _, fields in entries:
        entry.validate({name.decode(): value.decode() for name, value in fields.items()})
