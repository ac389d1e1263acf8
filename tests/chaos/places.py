"""What is in the places where each exposure must be once."""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from lsst.daf.butler import Butler

from entrypoints.observatory.environment import Topics
from tests.chaos.servers import Servers

__all__ = ["alerted", "outputs", "recorded", "stored"]


def recorded(file: Path) -> Counter[tuple[int, int]]:
    """Count the lines of the file outside the system, by exposure and detector."""
    lines = file.read_text().splitlines() if file.exists() else []
    return Counter((int(line.split()[0]), int(line.split()[1])) for line in lines)


def stored(folder: Path) -> Counter[tuple[int, int]]:
    """Count what is in the APDB, by exposure and detector."""
    database = sqlite3.connect(folder / "apdb.db")
    try:
        return Counter(database.execute('SELECT visit, detector FROM "DiaSource"').fetchall())
    finally:
        database.close()


def alerted(address: str) -> Counter[tuple[int, int]]:
    """Count the alerts that a broker has, by exposure and detector."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "chaos", "enable.auto.commit": False, "log_level": 0}
    )
    found: Counter[tuple[int, int]] = Counter()
    try:
        part = TopicPartition(Topics().alerts, 0)
        low, high = consumer.get_watermark_offsets(part, timeout=20)
        consumer.assign([TopicPartition(Topics().alerts, 0, low)])
        while low < high:
            message = consumer.poll(20)
            assert message is not None, "alerts cannot be read"
            if message.error() is None:
                exposure, detector = (message.value() or b"").split()
                found[int(exposure), int(detector)] += 1
                low = (message.offset() or 0) + 1
    finally:
        consumer.close()
    return found


def outputs(servers: Servers) -> dict[tuple[int, int], list[Any]]:
    """List what the pipeline put into the central repository, by exposure and detector."""
    found: dict[tuple[int, int], list[Any]] = {}
    with Butler.from_config(str(servers.addresses.repository), writeable=False) as butler:
        refs = butler.query_datasets("chaos_change", "*", find_first=False, explain=False, limit=None)
        for ref in refs:
            key = (int(ref.dataId["exposure"]), int(ref.dataId["detector"]))
            found.setdefault(key, []).append(ref)
    return found
