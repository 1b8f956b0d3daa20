from crossings import fired

from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit
from tapewatch.store.recent import Recent

ONE, TWO, THREE = fired("1", "2", "3")


def hot(part: bytes) -> Snapshot:
    return Snapshot(part, None)


def test_what_redis_forgot_follows_what_it_holds_in_one_commit() -> None:
    recent = Recent()
    recent.add(Commit(7, {"SPX": Snapshot(b"7", b"rings"), "SPY": hot(b"7")}, [ONE]), 100.0)
    recent.add(Commit(8, {"SPX": hot(b"8")}, [TWO]), 101.0)

    bridge = recent.after(6, Commit(9, {"SPX": hot(b"9"), "XLC": hot(b"9")}, [THREE]))

    assert bridge == Commit(
        9, {"SPX": Snapshot(b"9", b"rings"), "SPY": hot(b"7"), "XLC": hot(b"9")}, [ONE, TWO, THREE], after=6
    )


def test_commits_of_the_last_five_seconds_are_kept() -> None:
    recent = Recent()
    for second in range(60):
        recent.add(Commit(second + 1, {"SPX": hot(b"%d" % second)}, []), float(second))
    now = Commit(61, {}, [])
    assert recent.after(54, now)  # 55 was written 5 s before the last one
    assert recent.after(30, now) is None


def test_a_hole_is_not_bridged() -> None:
    recent = Recent()
    assert recent.after(3, Commit(5, {}, [])) is None
    recent.add(Commit(5, {}, []), 100.0)
    assert recent.after(3, Commit(6, {}, [])) is None


def test_redis_may_forget_again_after_a_bridge() -> None:
    recent = Recent()
    for n in range(1, 21):
        recent.add(Commit(n, {"SPX": hot(b"%d" % n)}, []), float(n))
    bridge = recent.after(14, Commit(21, {}, [ONE]))
    assert bridge
    assert (bridge.sequence, bridge.after) == (21, 14)
    recent.add(Commit(21, {}, [ONE]), 21.0)

    again = recent.after(14, Commit(22, {}, [TWO]))

    assert again
    assert (again.sequence, again.after) == (22, 14)
    assert list(again.alerts) == [ONE, TWO]
    assert again.snapshots["SPX"] == hot(b"20")
