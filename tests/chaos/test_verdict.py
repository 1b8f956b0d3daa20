"""The judge sees what is wrong: whatever is taken away, doubled or changed."""

import json
from dataclasses import replace

import pytest

from chaos.verdict import HOOK, MAIL, NOTHING, Allowed, Seen, Verdict, judge


def line(symbol: str, number: int, **data: object) -> bytes:
    alert = {"id": f"{symbol}{number}", "subject": symbol, "data": {"rule": "low", "gap": None, **data}}
    return json.dumps(alert).encode()


EXPECTED = [line(symbol, number) for number in range(4) for symbol in ("A", "B")]
IDS = [json.loads(each)["id"] for each in EXPECTED]
GOOD = Seen(EXPECTED, {HOOK: [[each] for each in IDS], MAIL: [IDS[:3], IDS[3:]]}, EXPECTED, EXPECTED)


def wrong(seen: Seen, allowed: Allowed = NOTHING) -> list[str]:
    return [str(each) for each in judge(EXPECTED, seen, allowed).wrong]


def swapped(lines: list[bytes], first: int, second: int) -> list[bytes]:
    lines = list(lines)
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def test_nothing_is_wrong_with_what_was_expected() -> None:
    assert judge(EXPECTED, GOOD, NOTHING) == Verdict(doubles={HOOK: 0, MAIL: 0})


def test_the_order_between_symbols_is_free() -> None:
    assert wrong(replace(GOOD, stream=swapped(EXPECTED, 0, 1))) == []


@pytest.mark.parametrize("place", range(len(EXPECTED)))
@pytest.mark.parametrize("where", ["stream", "published"])
def test_an_alert_that_is_missing_doubled_or_out_of_order_is_named(where: str, place: int) -> None:
    told = {"stream": "stream", "published": "subscriber"}[where]
    less, more = EXPECTED[:place] + EXPECTED[place + 1 :], [*EXPECTED, EXPECTED[place]]
    moved = swapped(EXPECTED, place, (place + 2) % len(EXPECTED))  # of the same symbol
    assert f"{told}: 1 ({IDS[place]}) missing" in wrong(replace(GOOD, **{where: less}))
    assert f"{told}: 1 ({IDS[place]}) more than once" in wrong(replace(GOOD, **{where: more}))
    (only,) = wrong(replace(GOOD, **{where: moved}))
    assert only.startswith(f"{told}: {IDS[place][0]} out of order from")


def test_an_alert_that_nobody_expected_is_named() -> None:
    stranger = line("A", 9)
    assert wrong(replace(GOOD, stream=[*EXPECTED, stranger])) == ["stream: 1 (A9) not expected"]


def test_a_subscriber_is_not_judged_where_redis_was_away() -> None:
    assert wrong(replace(GOOD, published=None)) == []


def test_a_body_that_is_not_the_replays_is_named() -> None:
    other = [line("A", 0, gap="outage"), *EXPECTED[1:]]
    verdict = judge(EXPECTED, replace(GOOD, stream=other, bodies=other), NOTHING)
    assert [str(each) for each in verdict.wrong] == ["stream: A0 differs in gap"]
    assert verdict.differences == {"gap": 1}


def test_bytes_that_differ_are_wrong_though_their_fields_are_the_same() -> None:
    other = [EXPECTED[0].replace(b": ", b":"), *EXPECTED[1:]]
    assert wrong(replace(GOOD, stream=other, bodies=other)) == ["stream: A0 differs in its bytes"]


def test_a_webhook_that_was_sent_something_else_is_told() -> None:
    assert wrong(replace(GOOD, bodies=[line("A", 0, gap="session")])) == [
        "hook: 1 bodies are not as in the stream"
    ]


@pytest.mark.parametrize("receiver", [HOOK, MAIL])
def test_a_receiver_that_lacks_an_alert_is_told(receiver: str) -> None:
    taken = {**GOOD.taken, receiver: [[each] for each in IDS[1:]]}
    assert wrong(replace(GOOD, taken=taken)) == [f"{receiver}: 1 (A0) missing"]


def test_doubles_are_counted_by_message_and_held_against_what_is_allowed() -> None:
    seen = replace(GOOD, taken={HOOK: [*GOOD.taken[HOOK], ["A0"]], MAIL: [*GOOD.taken[MAIL], IDS[:2]]})
    assert wrong(seen) == ["hook: 1 (A0) doubled, 0 allowed", "mail: 1 (A0) doubled, 0 allowed"]
    verdict = judge(EXPECTED, seen, Allowed(doubles=1))
    assert verdict.wrong == []
    assert verdict.doubles == {HOOK: 1, MAIL: 1}
    assert len(wrong(replace(seen, taken={**seen.taken, HOOK: [["A0"], *seen.taken[HOOK]]}), Allowed(1))) == 1
