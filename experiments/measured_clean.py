"""`python -m gan.data clean` in a process of its own, which writes what it took: what the cleaner is measured by.

subprocess.run([sys.executable, "-c", MEASURED_CLEAN, "usage.json", *arguments of clean])
"""

# The peak is the process's own (VmHWM): ru_maxrss would begin with what the parent took.
MEASURED_CLEAN = """
import json, resource, sys
from gan.data.__main__ import main
status = main(["clean", *sys.argv[2:]])
usage = resource.getrusage(resource.RUSAGE_SELF)
(peak,) = (int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
open(sys.argv[1], "w").write(json.dumps({"peak": peak, "cpu": usage.ru_utime + usage.ru_stime}))
sys.exit(status)
"""
