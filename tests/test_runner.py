"""How a command ends when a signal comes at a bad moment."""

import subprocess
import sys

PROGRAM = """
import os, signal, time
from tapewatch import runner

runner.stoppable()
called_back = compile("os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.1); print('done', flush=True)", "c", "exec")
exec(called_back, {"__name__": "llvmlite.binding.executionengine", "os": os, "signal": signal, "time": time})
time.sleep(5)
print("never stopped")
"""


def test_a_signal_while_kernels_are_loaded_ends_the_program_once_they_are():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


FAILING = """
from tapewatch import redaction, runner

redaction.note("open sesame")

class Mine(Exception):
    __module__ = "tapewatch.mine"

def app():
    raise {error}

runner.main(app)
"""


def failed(error: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FAILING.replace("{error}", error)], capture_output=True, text=True, timeout=20
    )


def test_the_last_line_shows_no_secret_and_moves_no_cursor():
    ended = failed(r"Mine('the feed said: open sesame\x1b[2J')")
    assert (ended.returncode, ended.stderr) == (1, "error: the feed said: **********\\u001b[2J\n")


def test_nor_does_the_traceback_of_a_mistake_of_ours():
    ended = failed(r"ValueError('open ' + 'sesame\x1b[2J')")
    assert ended.returncode == 1
    first, *_, last = ended.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last == r"ValueError: **********\u001b[2J"
