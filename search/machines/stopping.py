"""What stops a search from outside: SIGTERM (of `ray job stop`, of a service manager) does what Ctrl-C does."""

import signal
import threading
from types import FrameType


def sigterm_is_ctrl_c() -> None:
    """From here on: the first stops the search with everything kept, a second one at once.

    After Ray is started, whose own handler prints a stack of C++ and ends the process. In the main thread only.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """What Ctrl-C would do now; a job that a script began in the background has SIGINT ignored, and must end too."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)
