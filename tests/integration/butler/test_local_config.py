"""LOCAL_REPO_CONFIG: what it says holds in local repositories, and what is wrong with it is one line."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from lsst.resources import ResourcePath
from moto.server import ThreadedMotoServer

from ports.workspace import WorkspaceError
from tests.integration.butler import night as n
from tests.integration.butler.night import Bench, MakeWorkspace, Night

pytestmark = [pytest.mark.slow, n.both_ways]

TEMPLATE = "told_by_config_{datasetType}.{component:?}_{instrument}_{group}_{detector}_{id}"
GOOD = f"datastore:\n  templates:\n    preloaded: {TEMPLATE}\n"
NAME = "local config.yaml"


@pytest.fixture(scope="module")
def central(untouched: tuple[Path, Night], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(untouched[0], tmp_path_factory.mktemp("local config") / "central"))
    n.initialize_now(root, [n.PLAIN, n.PRELOAD])
    return root


@pytest.fixture(scope="module")
def bucket() -> Iterator[ResourcePath]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in {
            "S3_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        root = ResourcePath("s3://configs/", forceDirectory=True)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
        client.create_bucket(Bucket="configs")
        client.close()
        yield root
    server.stop()


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, bucket: ResourcePath) -> ResourcePath:
    """Where the configuration is kept; there is nothing yet."""
    if request.param == "file":
        return ResourcePath(tmp_path / NAME)
    found = bucket.join(NAME)
    if found.exists():
        found.remove()
    return found


def test_what_it_says_holds(
    make_workspace: MakeWorkspace, night: Night, bench: Bench, place: ResourcePath
) -> None:
    place.write(GOOD.encode())
    workspace = make_workspace(local_config=str(place))
    workspace.prepare(night.assignment(main=[n.PLAIN], preprocessing=[n.PRELOAD]))
    assert list(bench.settings.folder.rglob("told_by_config_*"))


@pytest.mark.parametrize(
    "content",
    [
        (None, "FileNotFoundError"),
        ("datastore: [", "ParserError"),
        ("- datastore\n", "the whole is no mapping"),
        ("datastore\n", "the whole is no mapping"),
        ("datastore: {formatters: 5}\n", "datastore.formatters is no mapping"),
    ],
    ids=["missing", "no YAML", "a list", "a text", "a number"],
)
def test_what_is_wrong_is_one_line_and_is_read_again(
    make_workspace: MakeWorkspace,
    night: Night,
    bench: Bench,
    place: ResourcePath,
    content: tuple[str | None, str],
) -> None:
    text, said = content
    if text is not None:
        place.write(text.encode())
    workspace = make_workspace(local_config=str(place))
    assignment = night.assignment(main=[n.PLAIN], preprocessing=[n.PRELOAD])
    for _ in range(2):
        with pytest.raises(WorkspaceError) as refusal:
            workspace.prepare(assignment)
        assert str(refusal.value).startswith(f"LOCAL_REPO_CONFIG: {place} ")
        assert said in str(refusal.value)
        assert "\n" not in str(refusal.value)
        workspace.clean()
    place.write(GOOD.encode())
    workspace.prepare(assignment)
    assert list(bench.settings.folder.rglob("told_by_config_*"))


def test_an_object_store_that_is_away_is_asked_again(
    make_workspace: MakeWorkspace,
    night: Night,
    bench: Bench,
    bucket: ResourcePath,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = bucket.join(NAME)
    config.write(GOOD.encode())
    workspace = make_workspace(local_config=str(config))
    assignment = night.assignment(main=[n.PLAIN], preprocessing=[n.PRELOAD])
    with monkeypatch.context() as away:
        away.setenv("S3_ENDPOINT_URL", "http://127.0.0.1:1")
        with pytest.raises(WorkspaceError, match=r"^LOCAL_REPO_CONFIG: s3://configs/.*127\.0\.0\.1:1"):
            workspace.prepare(assignment)
        workspace.clean()
    workspace.prepare(assignment)
    assert list(bench.settings.folder.rglob("told_by_config_*"))
