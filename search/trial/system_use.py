"""What a trial's process takes of its machine, between two ticks: a section of MLflow's charts.

MLflow's own monitor looks at the whole machine, not at one of the trials that share it; it needs psutil; and it stops
for good the first time that the server does not answer.
"""

import resource
import sys
import time
from pathlib import Path

import torch

_BYTES = 1_000_000.0  # in a megabyte, as MLflow's own names of units have it


class SystemUse:
    """Between construction, or the call before, and the call."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._since = self._now()

    def since_last(self) -> dict[str, float]:
        """`system/…`: cores kept busy, memory now, and of a GPU the most since the last call and what is left."""
        wall, cpu = self._now()
        elapsed, used = wall - self._since[0], cpu - self._since[1]
        self._since = wall, cpu
        use = {
            "system/cpu_cores_busy": used / elapsed if elapsed > 0 else 0.0,
            "system/memory_megabytes": _memory_bytes() / _BYTES,
        }
        if self._device.type == "cuda":
            free, total = torch.cuda.mem_get_info(self._device)
            use["system/gpu_memory_peak_megabytes"] = torch.cuda.max_memory_reserved(self._device) / _BYTES
            use["system/gpu_memory_free_megabytes"] = free / _BYTES
            use["system/gpu_memory_total_megabytes"] = total / _BYTES
            torch.cuda.reset_peak_memory_stats(self._device)
        return use

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def _memory_bytes() -> float:
    """Resident; where the system does not say, the most that it has been."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return float(peak if sys.platform == "darwin" else peak * 1024)
    return float(pages * resource.getpagesize())
