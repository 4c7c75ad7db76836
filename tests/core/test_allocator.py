import platform
import subprocess
import sys

import pytest

# In a process of its own: the setting stays, and pages that other tests have left would hide it.
SCRIPT = """
import resource
import torch
from hubblefork.core.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(16 << 20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults()
keep_freed_memory()
faults()
print(given_back, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_blocks_that_are_freed_cost_no_page_faults_again():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    given_back, kept = map(int, done.stdout.split())
    assert given_back > 1000
    assert kept < given_back / 10
