"""What is imported for good."""

import subprocess
import sys

_PROGRAM = """
import gc
from entrypoints.imports import importing_for_good

class Cycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        print("looked at")

searched = []
gc.callbacks.append(lambda *_: searched.append(True))
for _ in range(2):
    with importing_for_good():
        stays = [Cycle()]
        many = [[] for _ in range(100_000)]
print(len(searched), gc.isenabled(), any(one is stays for one in gc.get_objects()))
left = [Cycle()]
del left, stays
"""


def test_nobody_searches_it_for_garbage_at_any_time() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)  # noqa: S603 - as above
    assert done.stdout == "0 True False\n"
