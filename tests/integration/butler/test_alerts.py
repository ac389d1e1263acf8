"""Alerts that no broker takes lie beside the outputs, whatever becomes of the worker."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.butler.workspace.workspace import ButlerWorkspace
from adapters.workspace_process.frames import CONVERTER
from domain.work.outcomes import Export
from ports.workspace import Processed, WaitingAlerts, WorkspaceError
from prompt_pipelines.alert_files import AlertFile
from prompt_pipelines.alert_stream import forget_producers
from tests.integration.butler import night as n
from tests.integration.butler.dying import start
from tests.integration.butler.night import Bench, MakeWorkspace, Night
from tests.integration.kafka.mock_cluster import MockCluster

pytestmark = pytest.mark.slow

RESERVE = 10.0


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Alerts go where nobody listens, unless a test says otherwise."""
    monkeypatch.setenv("AP_KAFKA_SERVER", "127.0.0.1:1")
    monkeypatch.setenv("AP_KAFKA_TOPIC", "alerts")
    yield
    forget_producers()


def process(workspace: ButlerWorkspace, night: Night, *, wait: float) -> Processed:
    workspace.prepare(night.assignment(main=[n.CHANGE_ALERT]))
    exposures = [workspace.ingest(raw).exposure for raw in night.raws]
    return workspace.process(exposures, time.monotonic() + RESERVE + wait)


def alerts_in(waiting: WaitingAlerts) -> list[bytes]:
    files = Path(urlsplit(waiting.place).path).glob("*.avro")
    return sorted(alert for file in files for alert in AlertFile(file.as_uri()).read())


def all_alerts(night: Night) -> list[bytes]:
    return sorted(f"{raw.exposure} {number}".encode() for raw in night.raws for number in range(3))


@n.both_ways
def test_a_broker_that_never_comes_back_costs_neither_alerts_nor_outputs(
    make_workspace: MakeWorkspace, night: Night, central: Path
) -> None:
    workspace = make_workspace()
    processed = process(workspace, night, wait=1.0)
    assert (processed.failure, processed.changed) == ("", True)
    waiting = workspace.waiting_alerts()
    assert waiting is not None
    assert waiting.number == 6
    assert waiting.place.startswith((central / ".alert-outbox" / n.DAY).as_uri())
    assert alerts_in(waiting) == all_alerts(night)
    assert workspace.export(Export.EVERYTHING) is not None
    workspace.clean()
    assert alerts_in(waiting) == all_alerts(night)
    assert not {"AP_ALERT_OUTBOX", "AP_ALERT_UNTIL"} & set(os.environ)


@n.both_ways
def test_alerts_that_a_pipeline_holds_are_told_with_their_reason_and_quality(
    make_workspace: MakeWorkspace, night: Night
) -> None:
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.JUDGE]))
    exposures = [workspace.ingest(raw).exposure for raw in night.raws]
    processed = workspace.process(exposures)
    assert (processed.failure, processed.changed) == ("", True)
    reason = "seeing_arcsec is 5, at most 2 is allowed"
    assert processed.quality is not None
    assert (processed.quality.known, processed.quality.held) == ({"seeing_arcsec": 5.0}, (reason,))
    assert CONVERTER.structure(CONVERTER.unstructure(processed), Processed) == processed
    waiting = workspace.waiting_alerts()
    assert waiting is not None
    assert (waiting.number, waiting.held) == (4, reason)


def test_with_a_broker_nothing_waits(
    make_workspace: MakeWorkspace, night: Night, central: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = MockCluster()
    mock.create("alerts")
    monkeypatch.setenv("AP_KAFKA_SERVER", mock.address)
    workspace = make_workspace()
    assert process(workspace, night, wait=20.0).failure == ""
    assert workspace.waiting_alerts() is None
    assert sorted(message.value() or b"" for message in mock.messages("alerts")) == all_alerts(night)
    assert not list((central / ".alert-outbox").rglob("*.avro"))
    mock.stop()


def test_alerts_outlive_a_process_that_is_killed_while_it_waits(
    bench: Bench, night: Night, central: Path, tmp_path: Path, make_workspace: MakeWorkspace
) -> None:
    claims = tmp_path / "claims"
    claims.mkdir()
    process = start(bench.settings, night, n.CHANGE_ALERT, [], claims)
    end = time.monotonic() + 60
    while not list((central / ".alert-outbox").rglob("*.avro")):
        assert process.is_alive()
        assert time.monotonic() < end
        time.sleep(0.05)
    process.kill()
    process.join()
    workspace = make_workspace()
    workspace.resume(night.assignment(main=[n.CHANGE_ALERT]))
    waiting = workspace.waiting_alerts()
    assert waiting is not None
    assert waiting.number == 3
    assert set(alerts_in(waiting)) < set(all_alerts(night))


def test_a_datastore_that_is_gone_before_the_claim_is_no_failure_after_change(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
) -> None:
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.CHANGE_ALERT]))
    exposures = [workspace.ingest(raw).exposure for raw in night.raws]
    central.rename(central.with_name("away"))
    with pytest.raises(WorkspaceError, match="central datastore's root"):
        workspace.process(exposures)
    assert not bench.claims.held
    assert workspace.waiting_alerts() is None
