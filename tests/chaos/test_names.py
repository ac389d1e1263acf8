"""A worker is found again in the ledger by its process, whatever is random in its name."""

import os

from entrypoints.containers.parts.addresses import process_name
from tests.chaos.excuses import WorkerNames


def test_a_worker_is_known_by_its_process() -> None:
    own = os.getpid()
    name = process_name()
    assert name in WorkerNames(frozenset({own, own + 1}))
    # The number of another process may begin with the same digits, or be within them.
    assert name not in WorkerNames(frozenset({own * 10, own // 10, own + 1}))
    assert name not in WorkerNames(frozenset())
    assert name.replace(str(own), f"other-{own}", 1) not in WorkerNames(frozenset({own}))
