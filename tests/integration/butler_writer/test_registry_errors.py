"""What PostgreSQL cannot store of a message sets that message aside; its own troubles set nothing aside."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from lsst.daf.butler import Butler

from adapters.butler.writer.central_registry import ButlerCentralRegistry
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.outputs.output_events import MemoryOutputEvents
from adapters.memory.outputs.output_topic import MemoryOutputTopic
from application.worker.alongside import running_alongside
from application.write_outputs import OutputWriter
from benchmarks.services.postgresql import PostgresqlServer
from ports.central_registry import OutputEvent, RegistryUnavailableError
from tests.integration.butler_writer.repositories import (
    PER_MESSAGE,
    RUN,
    Messages,
    make_central,
    new_database,
)

pytestmark = pytest.mark.slow

_LONG = 3000
_PATIENCE = 60.0
_ADMINISTRATOR = "-c statement_timeout=0 -c default_transaction_read_only=off"


class World:
    """A repository on PostgreSQL, and a writer's registry."""

    def __init__(self, repository: str, database: str) -> None:
        self.repository = repository
        self.database = database
        self.registry = ButlerCentralRegistry(repository)

    async def restart(self) -> None:
        """Let another process take the registry's place."""
        await self.registry.close()
        self.registry = ButlerCentralRegistry(self.repository)

    def messages(self, *numbers: int) -> list[bytes]:
        with Butler.from_config(self.repository) as butler:
            return list(Messages(self.repository, butler.dimensions).many(numbers, detectors=[0]))

    def count(self) -> int:
        with Butler.from_config(self.repository) as butler:
            return len(butler.query_all_datasets([RUN], find_first=False, limit=None))

    def execute(self, *statements: str) -> None:
        """Do something to the database, as its administrator."""
        engine = sqlalchemy.create_engine(
            self.database, isolation_level="AUTOCOMMIT", connect_args={"options": _ADMINISTRATOR}
        )
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement.replace("%database%", str(engine.url.database))))
        engine.dispose()

    async def apply(self, message: bytes) -> int:
        return len(await self.registry.apply([OutputEvent(body=message, position="a message")]))


@pytest.fixture
async def world(postgresql: PostgresqlServer, tmp_path: Path) -> AsyncIterator[World]:
    database = new_database(postgresql)
    repository = make_central(tmp_path / "central", database=database)
    world = World(repository, database)
    yield world
    await world.registry.close()


def _group(message: dict[str, Any], name: str) -> None:
    for packed in message["dimension_records"]:
        if packed["definition"] == "group":
            packed["record"]["name"] = name


def _obs_id(message: dict[str, Any], name: str) -> None:
    for packed in message["dimension_records"]:
        if packed["definition"] == "exposure":
            packed["record"]["obs_id"] = name


def _dataset_type(message: dict[str, Any], name: str) -> None:
    message["dataset_types"][0]["name"] = name
    for ref in message["datasets"][0]["refs"].values():
        ref["dataset_type_name"] = name


@pytest.mark.parametrize("put", [_group, _obs_id, _dataset_type])
async def test_a_name_too_long_for_an_index_is_set_aside_alone(
    world: World, put: Callable[[dict[str, Any], str], None]
) -> None:
    first, second, *others = world.messages(1, 2, 3, 4, 5)
    content = json.loads(second)
    # It does not compress, so that no index of PostgreSQL takes it.
    put(content, f"n{secrets.token_hex(_LONG // 2)}{secrets.token_hex(_LONG)}")
    bad = json.dumps(content).encode()
    topic = MemoryOutputTopic()
    topic.messages += [first, bad, *others]
    writer = OutputWriter(
        events=MemoryOutputEvents(topic), registry=world.registry, metrics=MemoryMetrics(), retry_delay=1.0
    )
    async with running_alongside(writer.run()), asyncio.timeout(_PATIENCE):
        while topic.committed < len(topic.messages):
            await asyncio.sleep(0.05)
    [(event, reason)] = topic.dead_letters
    assert event.body == bad
    assert "index row" in reason
    assert world.count() == 4 * PER_MESSAGE


@pytest.mark.parametrize(
    ("ail", "heal"),
    [
        (
            "ALTER DATABASE %database% SET default_transaction_read_only = on",
            "ALTER DATABASE %database% RESET default_transaction_read_only",
        ),
        (
            "ALTER DATABASE %database% SET statement_timeout = 1",
            "ALTER DATABASE %database% RESET statement_timeout",
        ),
        ("ALTER SCHEMA public RENAME TO elsewhere", "ALTER SCHEMA elsewhere RENAME TO public"),
        ('ALTER TABLE "group" RENAME TO elsewhere', 'ALTER TABLE elsewhere RENAME TO "group"'),
    ],
)
@pytest.mark.parametrize("is_open", [True, False])
async def test_what_ails_the_database_is_waited_for(world: World, ail: str, heal: str, is_open: bool) -> None:
    first, second = world.messages(1, 2)
    await world.apply(first)
    if not is_open:
        await world.restart()
    # Settings of a database are those of new sessions.
    world.execute(ail, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()")
    for _ in range(3):
        with pytest.raises(RegistryUnavailableError):
            await world.apply(second)
    world.execute(heal)
    assert await world.apply(second) == PER_MESSAGE


async def test_a_lock_is_waited_for(world: World) -> None:
    first, second = world.messages(1, 2)
    world.execute("ALTER DATABASE %database% SET lock_timeout = 100")
    await world.apply(first)
    engine = sqlalchemy.create_engine(world.database)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text('LOCK TABLE "group" IN ACCESS EXCLUSIVE MODE'))
        with pytest.raises(RegistryUnavailableError, match="lock timeout"):
            await world.apply(second)
    engine.dispose()
    assert await world.apply(second) == PER_MESSAGE


async def test_a_writer_without_its_rights_waits_for_them(world: World) -> None:
    first, second = world.messages(1, 2)
    await world.apply(first)
    user = f"writer_{secrets.token_hex(4)}"
    url = sqlalchemy.make_url(world.database).set(username=user)
    world.execute(
        f"CREATE ROLE {user} LOGIN",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}",
    )
    config = Path(world.repository, "butler.yaml")
    config.write_text(config.read_text().replace(world.database, url.render_as_string()))
    registry = ButlerCentralRegistry(world.repository)
    event = OutputEvent(body=second, position="a message")
    with pytest.raises(RegistryUnavailableError, match="permission denied"):
        await registry.apply([event])
    world.execute(
        f"GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {user}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user}",
    )
    assert len(await registry.apply([event])) == PER_MESSAGE
    await registry.close()
