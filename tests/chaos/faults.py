"""The faults, how often each, and what the page grants it."""

import signal
from functools import partial

from chaos.fault import Fault
from chaos.leader_strikes import cut_all, cut_leader, end_leader, freeze_leader, two_leaders
from chaos.strikes import (
    cut,
    cut_long,
    end_daemon,
    fail_check,
    fill_disk,
    hang,
    http_status,
    kill_cut_off,
    kill_redis,
    lose_answer,
    lose_power,
    mail_status,
    pause_redis,
    refuse,
    restart_redis,
)
from chaos.verdict import HOOK, MAIL, NOTHING, Allowed

_KILL, _TERM = signal.SIGKILL, signal.SIGTERM

_DIED = Allowed(doubles=1)
"""What was sent, and not yet noted."""

_LINE_BROKE = Allowed(doubles=1)
"""What a receiver took, and could not say so."""

_TOOK_OVER = Allowed(doubles=1)
"""What the old leader sent, and could not acknowledge."""

_COMMIT = {"asked": b"specversion", "answer": b"written"}
_ACKNOWLEDGE = {"asked": b":deliveries", "answer": b"$-1"}
_READ = {"asked": b"XREADGROUP", "answer": b"specversion"}

_killed = partial(end_daemon, by=_KILL, code=-_KILL)
_restarted = partial(end_daemon, by=_TERM, code=0)
_leader_killed = partial(end_leader, by=_KILL)
_leader_restarted = partial(end_leader, by=_TERM)
_commit_lost = partial(lose_answer, **_COMMIT)
_ack_lost = partial(lose_answer, **_ACKNOWLEDGE)
_read_lost = partial(lose_answer, **_READ)

FAULTS = (
    Fault("daemon-killed", "daemon killed (`kill -9`)", _killed, _DIED, ends=(-_KILL,), share=24),
    Fault("daemon-restarted", "daemon restarted (SIGTERM)", _restarted, ends=(0,), share=6),
    Fault("redis-killed", "Redis killed (`kill -9`), with AOF", kill_redis, redis_away=True, share=16),
    Fault("redis-power", "Redis back without its last second", lose_power, redis_away=True, share=8),
    Fault("redis-restarted", "Redis restarted", restart_redis, redis_away=True, share=8),
    Fault("redis-paused", "Redis paused, 1 to 7 s", pause_redis, share=10),
    Fault("redis-cut", "Redis unreachable, up to 4 s", cut, share=12),
    Fault("redis-cut-30", "Redis unreachable, 30 s", cut_long, share=4),
    Fault(
        "cut-killed", "daemon killed while Redis is unreachable", kill_cut_off, _DIED, (-_KILL, 1), share=6
    ),
    Fault("commit-answer", "answer lost after the commit was applied", _commit_lost, share=14),
    Fault("ack-answer", "answer lost after an alert was acknowledged", _ack_lost, share=4),
    Fault("read-answer", "alerts lost on the way from Redis to a worker", _read_lost, share=4),
    Fault("disk-full", "disk full for the spool, Redis away", fill_disk, share=10),
    Fault(
        "leader-killed", "leader killed (`kill -9`)", _leader_killed, _TOOK_OVER, (-_KILL,), True, share=12
    ),
    Fault(
        "leader-restarted", "leader restarted (SIGTERM)", _leader_restarted, _TOOK_OVER, (0,), True, share=4
    ),
    Fault(
        "leader-frozen", "leader frozen (SIGSTOP) for 20 s", freeze_leader, _TOOK_OVER, standby=True, share=8
    ),
    Fault("leader-cut", "leader cut from Redis", cut_leader, _TOOK_OVER, standby=True, share=10),
    Fault("all-cut", "leader and standby cut, 1 to 5 s", cut_all, _TOOK_OVER, standby=True, share=4),
    Fault("two-leaders", "two leaders provoked", two_leaders, _TOOK_OVER, standby=True, share=8),
    Fault("http-refuses", "webhook refuses", partial(refuse, receiver=HOOK), _LINE_BROKE, share=5),
    Fault("http-hangs", "webhook hangs", partial(hang, receiver=HOOK), _LINE_BROKE, share=5),
    Fault("http-429", "webhook answers 429, Retry-After", partial(http_status, status=429), share=5),
    Fault("http-500", "webhook answers 500", partial(http_status, status=500), share=5),
    Fault("smtp-refuses", "mail server refuses", partial(refuse, receiver=MAIL), _LINE_BROKE, share=5),
    Fault("smtp-hangs", "mail server hangs", partial(hang, receiver=MAIL), _LINE_BROKE, share=5),
    Fault("smtp-451", "mail server answers 451", mail_status, share=4),
)
"""In the order of the page; the shares are of 206 runs."""

SABOTAGE = (
    Fault("alert-removed", "an alert removed from the stream", partial(fail_check, how="removed"), NOTHING),
    Fault("alert-doubled", "an alert doubled in the stream", partial(fail_check, how="doubled"), NOTHING),
)
"""What the harness must not let pass."""
