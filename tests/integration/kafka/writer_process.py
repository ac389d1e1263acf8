"""A Butler Writer without a Butler, as a process that a test may kill at any moment.

Each message is the id of a dataset. Arguments: bootstrap servers, the word in
the names of topics and groups, the folder.
"""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from adapters.host.clock import SystemClock, SystemIdentifiers
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.outputs.output_events import KafkaOutputEvents, WriterPolicy
from ports.central_registry import OutputEventsUnavailableError
from tests.integration.kafka.writers import topics_of

__all__: list[str] = []


async def main(servers: str, unique: str, folder: Path) -> None:
    """Serve until killed."""
    events = KafkaOutputEvents(
        connection=KafkaConnection(bootstrap_servers=servers, timeout=5.0, session_timeout=2.0),
        topics=topics_of(unique),
        group=f"butler-writer-{unique}",
        transactional_id=f"output-{unique}",
        batch_folder=str(folder / "batches"),
        outbox_root=str(folder / "datastore"),
        policy=WriterPolicy(limit=20, outbox_interval=1.0, patience=10.0),
        clock=SystemClock(),
        identifiers=SystemIdentifiers(),
    )
    await events.open()
    while True:
        try:
            batch = await events.batch()
        except OutputEventsUnavailableError:
            await asyncio.sleep(0.1)
            continue
        datasets = [UUID(event.body.decode()) for event in batch]
        # Applying takes a while, in which much can happen.
        await asyncio.sleep(0.05)
        while True:
            try:
                await events.finish(datasets)
            except OutputEventsUnavailableError:
                await asyncio.sleep(0.1)
            else:
                break


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
