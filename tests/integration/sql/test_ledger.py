"""The ledger and the claims on PostgreSQL: the contract, and what only a server can show."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from adapters.sql.claim_store import SqlClaimStore
from adapters.sql.history_store import SqlHistoryStore
from adapters.sql.store import SqlStore
from application.ledger import StoredClaims, StoredLedger
from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.outcomes import Poisoned
from ports.ledger import ClaimedElsewhereError, LedgerUnavailableError
from tests.contract_suites.claims import ClaimsContract
from tests.contract_suites.ledger import IDENTITY, LedgerBench, LedgerContract, a_lease
from tests.unit.adapters.sql.benches import SqlLedgerBench

pytestmark = pytest.mark.slow


@pytest.fixture
def address(postgresql_url: str) -> Iterator[str]:
    """Address of an empty database."""
    name = f"ledger_{uuid.uuid4().hex}"
    engine = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield postgresql_url.rpartition("/")[0] + f"/{name}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
async def bench(address: str) -> AsyncIterator[SqlLedgerBench]:
    async with contextlib.AsyncExitStack() as stack:
        bench = SqlLedgerBench(address, stack)
        bench.ledger = await bench.another()
        yield bench


class TestPostgresqlLedger(LedgerContract):
    pass


class TestPostgresqlClaims(ClaimsContract):
    pass


async def test_what_keeps_the_server_from_being_durable_is_said(bench: SqlLedgerBench) -> None:
    assert await bench.ledger.check_durable() == []
    name = bench.run("SELECT current_database()")[0]
    engine = sa.create_engine(bench.address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    assert await bench.ledger.check_durable() == ["PostgreSQL has synchronous_commit = off"]


async def test_connections_are_taken_for_a_call(bench: SqlLedgerBench) -> None:
    await bench.ledger.begin(IDENTITY, "w", a_lease())
    query = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name LIKE 'prompt-processing%'"
    assert bench.run(query) == ["0"]


async def test_the_psycopg_that_sqlalchemy_takes_by_itself_does_too(address: str) -> None:
    async with SqlHistoryStore(address.replace("postgresql+psycopg2", "postgresql")) as store:
        assert (await StoredLedger(store).begin(IDENTITY, "w", a_lease())).attempt.number == 1


async def test_many_who_start_at_once_make_the_tables_once(address: str) -> None:
    stores = [SqlStore(address) for _ in range(8)]
    await asyncio.gather(*(asyncio.to_thread(store.open) for store in stores))
    for store in stores:
        assert store.histories("LATISS", None) == []
        store.close()


async def test_old_records_are_deleted_with_their_claims(bench: SqlLedgerBench, address: str) -> None:
    old, new = Identity("LATISS", "old", 4), Identity("LATISS", "new", 4)
    for exposure, identity in enumerate((old, new), start=1):
        record = await bench.ledger.begin(identity, "w", a_lease())
        bench.claims.claim(record.attempt, [exposure])
    await bench.ledger.record_unreadable("q", "1", Poisoned(reason="x"))
    bench.run("UPDATE history SET stored = stored - 8 * 86400.0 WHERE visit_group = 'old'")
    async with SqlHistoryStore(address) as store:
        assert await store.forget() == 1
        assert await store.forget() == 0
    assert not await bench.ledger.history(old)
    assert bench.run("SELECT visit_group FROM claim") == ["new"]
    assert len(await bench.ledger.unreadable("q")) == 1


async def test_a_group_of_any_characters_is_kept(bench: LedgerBench) -> None:
    for group in ("a\0b", "a\ud800b", "\ufffdjson", "'; DROP TABLE history; --", "é"):
        identity = Identity("LATISS", group, 4)
        await bench.ledger.begin(identity, "w", a_lease())
        assert [record.attempt.identity for record in await bench.ledger.history(identity)] == [identity]
    assert len(await bench.ledger.latest("LATISS")) == 5


async def test_of_many_who_claim_at_once_one_does(bench: SqlLedgerBench, address: str) -> None:
    records = [
        (await bench.ledger.begin(Identity("LATISS", f"g{number}", 4), "w", a_lease())).attempt
        for number in range(8)
    ]

    def claim(attempt: Attempt) -> bool:
        with SqlClaimStore(address) as store:
            try:
                StoredClaims(store).claim(attempt, [3, 1, 2])
            except ClaimedElsewhereError:
                return False
            return True

    assert sum(await asyncio.gather(*(asyncio.to_thread(claim, one) for one in records))) == 1


async def test_no_attempt_is_counted_twice_by_many_at_once(bench: SqlLedgerBench) -> None:
    ledgers = [await bench.another() for _ in range(6)]
    begun = await asyncio.gather(
        *(
            ledger.begin(IDENTITY, f"w{times}", a_lease(times=times))
            for times, ledger in enumerate(ledgers, 1)
        ),
        return_exceptions=True,
    )
    numbers = [one.attempt.number for one in begun if not isinstance(one, BaseException)]
    assert sorted(set(numbers)) == sorted(numbers)
    assert len(await bench.ledger.history(IDENTITY)) == max(numbers)


async def test_a_server_out_of_reach_is_said_without_its_password() -> None:
    with pytest.raises(LedgerUnavailableError, match=r"127\.0\.0\.1:1") as failure:
        async with SqlHistoryStore("postgresql+psycopg2://me:sesame@127.0.0.1:1/db", timeout=1.0):
            pass
    assert "sesame" not in str(failure.value)
