"""Cleans up after a demo that was killed: a program of its own, of the standard library alone.

    python cleanup.py SOCKET FOLDER…

Standard input is a pipe that the demo holds and never writes to: it ends when the demo does, however that ends.
Then the Redis at SOCKET is stopped and each FOLDER removed. A demo that cleaned up by itself left nothing to do.
"""

import shutil
import socket
import sys
from contextlib import suppress

_STOP_SECONDS = 10


def main(redis: str, *folders: str) -> None:
    """Waits for the end of standard input, then cleans up."""
    sys.stdin.read()
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_STOP_SECONDS)
        line.connect(redis)
        line.sendall(b"SHUTDOWN NOSAVE\r\n")
        line.recv(1)  # ends with the server
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
