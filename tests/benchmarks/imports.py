"""How long each helper takes to import, over what it may build on, in fresh processes: medians of
nine, alternating.
"""

import statistics
import subprocess
import sys
import time

BASE = {
    "block": "numpy",
    "datasets": "numpy",
    "plots": "matplotlib.figure",
    "explore": "ipywidgets",
    "nets": "torch",
}


def seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


for module, base in BASE.items():
    pairs = [(seconds(f"import {base}"), seconds(f"import helpers.{module}")) for _ in range(9)]
    bare, full = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"helpers.{module:9s} {full:5.2f} s, {full - bare:+5.2f} s over bare {base}")
