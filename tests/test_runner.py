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
