"""The other end of engine.js."""

import json
import resource
import sys
import time


def peak_megabytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def answer(about, step):
    """Prints what is said of the engine, and then runs a step, and prints what it took, for every line that it reads."""
    print(json.dumps(about), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        milliseconds = (time.perf_counter() - start) * 1000
        print(json.dumps({"milliseconds": milliseconds, "peakMegabytes": peak_megabytes()}), flush=True)
