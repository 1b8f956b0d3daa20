from stage_cases import fired, names, now, queued

from tapewatch.notify.stages.group import LARGEST, Group

BREAKOUT, OVERBOUGHT, SUPPORT = queued(
    fired("14:31:07 SPX breakout"), fired("14:31:07 SPX overbought"), fired("14:31:07 IWM support")
)


def test_alerts_of_a_symbol_within_group_wait_of_the_first_are_one_message() -> None:
    group = Group("1s")
    assert group.wake(now("14:31:07")) is None
    assert group.offer(BREAKOUT, now("14:31:07")) == []
    assert group.offer(OVERBOUGHT, now("14:31:07.9")) == []
    assert group.due(now("14:31:07.9")) == []
    assert group.wake(now("14:31:07.5")) == 0.5
    assert group.due(now("14:31:08")) == [[BREAKOUT, OVERBOUGHT]]
    assert group.wake(now("14:31:08")) is None


def test_symbols_are_messages_of_their_own_the_first_first() -> None:
    group = Group("1s")
    group.offer(BREAKOUT, now("14:31:07"))
    group.offer(SUPPORT, now("14:31:07.2"))
    group.offer(OVERBOUGHT, now("14:31:07.4"))
    assert group.due(now("14:31:09")) == [[BREAKOUT, OVERBOUGHT], [SUPPORT]]


def test_0s_is_each_at_once_alone() -> None:
    group = Group("0s")
    assert group.offer(BREAKOUT, now("14:31:07")) == [[BREAKOUT]]
    assert group.offer(OVERBOUGHT, now("14:31:07")) == [[OVERBOUGHT]]
    assert group.wake(now("14:31:07")) is None


def test_a_full_group_goes_out_at_once() -> None:
    group = Group("1m")
    storm = queued(*(fired(f"14:31:{second:02} SPX breakout") for second in range(LARGEST + 1)))
    full = [each for alert in storm for each in group.offer(alert, now("14:31:30"))]
    assert full == [storm[:LARGEST]]
    assert group.close_all() == [storm[LARGEST:]]


def test_an_answer_goes_out_alone_after_what_waits_of_its_symbol() -> None:
    group = Group("1s")
    group.offer(BREAKOUT, now("14:31:07"))
    group.offer(SUPPORT, now("14:31:07"))
    (confirmed,) = queued(fired("14:31:07 SPX breakout", follows=BREAKOUT.alert.id))
    assert group.offer(confirmed, now("14:31:07.5")) == [[BREAKOUT], [confirmed]]
    assert group.due(now("14:31:08")) == [[SUPPORT]]


def test_a_group_is_in_the_order_in_which_its_alerts_came() -> None:
    group = Group("1s")
    group.offer(OVERBOUGHT, now("14:31:07"))
    group.offer(BREAKOUT, now("14:31:07.5"))  # it waited elsewhere
    assert [names(each) for each in group.due(now("14:31:08"))] == [
        ["14:31:07 SPX breakout", "14:31:07 SPX overbought"]
    ]


def test_it_knows_whose_alerts_wait() -> None:
    group = Group("1s")
    group.offer(BREAKOUT, now("14:31:07"))
    assert group.holds(("SPX", "breakout"))
    assert not group.holds(("SPX", "overbought"))
    assert not group.holds(("IWM", "breakout"))
