"""Memory of Beta arms: items x 8 segments, grown as a service grows; run: python -m bench.arm_memory."""

from __future__ import annotations

import resource
import subprocess
import sys

from bench.measure import machine, table

SCRIPT = """
import resource, sys, numpy as np
from bandi.model.policy_config import Thompson
from bandi.policies.protocol import Outcomes
from bandi.policies.registry import make_policy
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
items, policy = int(sys.argv[1]), make_policy(Thompson(), 8)
one = np.zeros(1, np.int32)
policy.update(Outcomes(one, one, np.ones(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64)))
before = peak()
for first in range(0, items, 10_000):
    rows = np.repeat(np.arange(first, min(first + 10_000, items), dtype=np.int32), 8)
    n = len(rows)
    policy.update(Outcomes(rows, np.tile(np.arange(8, dtype=np.int32), n // 8), np.ones(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.int64)))
print(policy.arms.nbytes, (peak() - before) * 1024)
"""


def main() -> None:
    print(machine(), "\n")
    rows = []
    for items in (10_000, 100_000, 1_000_000):
        out = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(items)], capture_output=True, text=True, check=True
        ).stdout
        held, peak = map(int, out.split())
        bound = items * 8 * 8
        rows.append([f"{items:,}", f"{held / 1e6:.1f}", f"{peak / 1e6:.1f}", f"{bound / 1e6:.1f}"])
    header = [
        "items x 8 segments",
        "held (MB)",
        "peak of the process while growing (MB)",
        "lower bound, two float32 (MB)",
    ]
    print(table(header, rows))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
