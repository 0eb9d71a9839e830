"""Ends a process group when the process that started it is gone, however it went.

Run as a script by `guard.py`: `python -I -S reaper.py LIFE ALIVE`, as leader of the group to end.
LIFE and ALIVE are the read ends of two pipes. The starter holds LIFE open, its children hold ALIVE open,
and the kernel closes both even for a process that was killed with SIGKILL: end of file is the message.
"""

import os
import select
import signal
import sys

# PostgreSQL waits for its clients on SIGTERM and drops them on SIGINT, so SIGINT follows. Others obey the first.
ESCALATION = ((signal.SIGTERM, 2.0), (signal.SIGINT, 10.0))


def end_of_file(descriptor: int, seconds_max: float | None) -> bool:
    """Whether every writer of the pipe is gone; waits for it at most `seconds_max` (None: without limit)."""
    readable, _, _ = select.select([descriptor], [], [], seconds_max)
    return bool(readable) and os.read(descriptor, 1) == b""


def main(life: int, alive: int) -> None:
    if os.getpgrp() != os.getpid():
        sys.exit("reaper.py must lead a process group of its own, or it would end its starter's")
    for ignored in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    while not end_of_file(life, None):
        pass
    for number, seconds_max in ESCALATION:
        os.killpg(0, number)
        if end_of_file(alive, seconds_max):
            break
    os.killpg(0, signal.SIGKILL)  # whoever is left, and this process


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
