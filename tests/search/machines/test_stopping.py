import signal
from typing import Any

import pytest

from search.machines.stopping import sigterm_is_ctrl_c


@pytest.mark.parametrize("ctrl_c", [signal.default_int_handler, signal.SIG_IGN], ids=["heard", "ignored"])
def test_sigterm_interrupts_as_ctrl_c_does(ctrl_c: Any) -> None:
    """Also where nobody hears of Ctrl-C: so a shell begins what a script puts into the background."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, ctrl_c)
        sigterm_is_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_whoever_listens_to_ctrl_c_is_asked() -> None:
    """Tune does, while trials run: it ends them and keeps everything."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    heard: list[int] = []
    try:
        signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
        sigterm_is_ctrl_c()
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    assert heard == [signal.SIGINT]
