"""Which paths a dataset of a run may have, by the datastore's templates."""

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType, DimensionUniverse, FileDataset
from lsst.daf.butler.datastore.file_templates import FileTemplates, FileTemplatesConfig
from lsst.resources import ResourcePath

from adapters.butler.writer.message_paths import FileStore, MessagePaths

RUN = "SimCam/prompt/output-2026-03-13/Test/pipelines-0000000-config-0000000"
UNIVERSE = DimensionUniverse()
TYPE = DatasetType("result", ("instrument", "exposure", "detector"), "StructuredDataDict", universe=UNIVERSE)
DATA_ID = DataCoordinate.standardize(
    {"instrument": "SimCam", "exposure": 1, "detector": 2},
    universe=UNIVERSE,
    physical_filter="r",
    day_obs=3,
    group="g",
).subset(TYPE.dimensions)
USUAL = {"default": "{run:/}/{datasetType}.{component:?}/{visit:?}/{datasetType}_{detector.full_name}_{run}"}


def store(root: str, templates: Mapping[str, object] = USUAL) -> FileStore:
    return FileStore(
        ResourcePath(root, forceDirectory=True),
        FileTemplates(FileTemplatesConfig(dict(templates)), universe=UNIVERSE),
    )


def is_taken(path: str, *stores: FileStore, run: str = RUN) -> bool:
    ref = DatasetRef(TYPE, DATA_ID, run, id=uuid4())
    try:
        MessagePaths(stores).check([FileDataset(path=path, refs=[ref], formatter=None)])
    except ValueError:
        return False
    return True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository's root, of a name that URIs quote."""
    root = tmp_path / "central with # and %"
    (root / RUN).mkdir(parents=True)
    (root / "gen3.sqlite3").touch()
    return root


@pytest.mark.parametrize("uri", ["file", "s3://central/", "s3://central/repository/"])
@pytest.mark.parametrize(
    "place",
    [
        "gen3.sqlite3",
        "butler.yaml",
        "./gen3.sqlite3",
        "SimCam",
        "SimCam/gen3.sqlite3",
        "",
        ".",
        f"{RUN}",
        f"{RUN}/",
        f"{RUN}/.",
        f"{RUN}/..",
        f"{RUN}/../x.json",
        f"{RUN}/a/../../../../../../gen3.sqlite3",
        f"{RUN}/%2e%2e/x.json",
        f"{RUN}/%2E%2E/x.json",
        f"{RUN}/%252E%252E/x.json",
        f"{RUN}/..%2fx.json",
        f"{RUN}/$HOME/x.json",
        f"{RUN}/${{HOME}}/x.json",
        f"{RUN}/a\\..\\x.json",
        f"{RUN}/a\0.json",
        f"{RUN}/\x1b[2J.json",
        f"{RUN}/{'é' * 450}.json",
        f"{RUN}-other/x.json",
        f"{RUN[:-1]}1/x.json",
        "~/x.json",
        "~root/x.json",
        "$HOME/x.json",
        ".prompt-outbox/x.json",
        f"gen3.sqlite3#/{RUN}/x.json",
        f"gen3.sqlite3#%41/{RUN}/x.json",
        f"{RUN.lower()}/x.json",
    ],
)
def test_no_path_leads_out_of_its_runs_folder(root: Path, uri: str, place: str) -> None:
    where = store(root.as_uri() if uri == "file" else uri)
    assert not is_taken(place, where)
    assert not is_taken(f"{where.root.geturl()}{place}", where)
    assert not is_taken(f"/{place}", where)


@pytest.mark.parametrize(
    "place",
    [f"{RUN}//x.json", f"{RUN}/./x.json", f"{RUN}/x.zip#unzip=x", f"{RUN}/a\nb.json", f"{RUN}/a\x7f.json"],
)
def test_no_path_has_two_readings(root: Path, place: str) -> None:
    for uri in (root.as_uri(), "s3://central/"):
        assert not is_taken(place, store(uri))


@pytest.mark.parametrize(
    "address",
    [
        "{root}/gen3.sqlite3",
        "file://{root}/{run}/x.json",
        "file://elsewhere{quoted}/{run}/x.json",
        "file:x.json",
        "file:{run}/x.json",
        "{root}",
        "s3://central/{run}/x.json",
        "s3://profile@central/{run}/x.json",
        "http://127.0.0.1:1/{run}/x.json",
        "resource://adapters/{run}/x.json",
        "mem://{run}/x.json",
        "eups://{run}/x.json",
    ],
)
def test_no_address_leads_elsewhere(root: Path, address: str) -> None:
    quoted = root.as_uri().removeprefix("file://")
    path = address.replace("{root}", str(root)).replace("{quoted}", quoted).replace("{run}", RUN)
    assert not is_taken(path, store(root.as_uri()))


@pytest.mark.parametrize("uri", ["file", "s3://central/", "s3://central/repository/"])
@pytest.mark.parametrize(
    "name",
    [
        "x.json",
        "difference_image/20260313/i/i_39/2026031300217/94.fits",
        "result/2026-03-14T02_15_07.310#2/result_HASH2.json",
        "result/SDSSr_65mm~empty/~x.json",
        "Größe/a b/(c)&d;e=f,g+h@i'j!.json",
        ".hidden/..x/x..json",
        "100%/x.json",
    ],
)
def test_what_lies_in_its_runs_folder_is_taken(root: Path, uri: str, name: str) -> None:
    where = store(root.as_uri() if uri == "file" else uri)
    assert is_taken(f"{RUN}/{name}", where)
    # An address is percent-encoded, and names the same file.
    assert is_taken(where.root.join(f"{RUN}/{name}").geturl(), where)


@pytest.mark.parametrize(
    "run",
    ["", ".", "..", "/", "//", "x/..", "x/../..", "../SimCam", "./.", "~", "$HOME", ".prompt-outbox", "\x1b"],
)
@pytest.mark.parametrize("name", ["gen3.sqlite3", ".prompt-outbox/x.json", "x.json", "SimCam/gen3.sqlite3"])
def test_no_run_has_the_root_for_its_folder(root: Path, run: str, name: str) -> None:
    where = store(root.as_uri())
    assert not is_taken(name, where, run=run)
    assert not is_taken(f"{run}/{name}", where, run=run)


@pytest.mark.parametrize(
    ("run", "folder"),
    [
        ("u/me/a b", "u/me/a_b"),
        ("u/me/a:b?", "u/me/a_b_"),
        ("u/me/a#b", "u/me/a#b"),
        ("u/me/50%41", "u/me/50A"),
        ("/u//me/./x", "u/me/x"),
    ],
)
def test_a_run_is_written_as_templates_write_it(root: Path, run: str, folder: str) -> None:
    assert is_taken(f"{folder}/result/x.json", store(root.as_uri()), run=run)
    assert not is_taken("u/me/x.json", store(root.as_uri()), run=run)


@pytest.mark.parametrize(
    ("template", "folder"),
    [
        ("{run:/}/{datasetType}/{exposure}/{id}", RUN),
        ("{run}/{datasetType}/{exposure}/{id}", RUN.replace("/", "_")),
        ("data/{run:/}/{exposure}_{detector}", f"data/{RUN}"),
        ("data/of-{run}-x/{exposure}_{detector}", f"data/of-{RUN.replace('/', '_')}-x"),
        ("{datasetType}/{run:/}/{exposure}_{detector}", f"result/{RUN}"),
    ],
)
def test_templates_say_where_a_runs_folder_is(root: Path, template: str, folder: str) -> None:
    where = store(root.as_uri(), {"default": template})
    assert is_taken(f"{folder}/a/x.json", where)
    assert not is_taken(f"other/{folder}/x.json", where)
    assert not is_taken("data/x.json", where)


def test_an_instrument_and_a_dataset_type_may_have_templates_of_their_own(root: Path) -> None:
    where = store(
        root.as_uri(),
        {**USUAL, "instrument<SimCam>": {"result": "mine/{run:/}/{exposure}_{detector}"}},
    )
    assert is_taken(f"mine/{RUN}/x.json", where)
    assert not is_taken(f"{RUN}/x.json", where)


@pytest.mark.parametrize(
    "template", ["{instrument}/{exposure}/{run}_{detector}", "{instrument}/{run:/}/{exposure}"]
)
def test_without_a_runs_folder_it_is_any_folder(root: Path, template: str) -> None:
    where = store(root.as_uri(), {"default": template})
    assert is_taken("SimCam/1/x.json", where)
    for path in (
        "gen3.sqlite3",
        "SimCam/../gen3.sqlite3",
        ".prompt-outbox/x.json",
        "SimCam/1/../../gen3.sqlite3",
    ):
        assert not is_taken(path, where)


def test_one_of_several_datastores_is_enough(root: Path, tmp_path: Path) -> None:
    stores = [store((tmp_path / "other").as_uri()), store(root.as_uri())]
    assert is_taken(f"{root.as_uri()}/{RUN}/x.json", *stores)
    assert is_taken(f"{RUN}/x.json", *stores)
    assert not is_taken("gen3.sqlite3", *stores)


def test_links_do_not_lead_out_of_a_runs_folder(root: Path) -> None:
    where = store(root.as_uri())
    (root / RUN / "up").symlink_to(root)
    (root / RUN / "registry.json").symlink_to(root / "gen3.sqlite3")
    (root / RUN / "within").symlink_to("result")
    (root / RUN / "result").mkdir()
    (root / RUN / "result" / "x.json").touch()
    assert not is_taken(f"{RUN}/up/gen3.sqlite3", where)
    assert not is_taken(f"{RUN}/up/{RUN}/../gen3.sqlite3", where)
    assert not is_taken(f"{RUN}/registry.json", where)
    assert is_taken(f"{RUN}/within/x.json", where)


def test_a_run_that_is_a_link_to_another_disk_is_taken_and_one_to_the_root_is_not(
    root: Path, tmp_path: Path
) -> None:
    where = store(root.as_uri())
    disk = tmp_path / "disk"
    disk.mkdir()
    (root / "moved").symlink_to(disk)
    (disk / "x.json").touch()
    assert is_taken("moved/x.json", where, run="moved")
    for name, target in {"here": root, "above": tmp_path}.items():
        (root / name).symlink_to(target)
        assert not is_taken(f"{name}/gen3.sqlite3", where, run=name)
        assert not is_taken(f"{name}/{root.name}/gen3.sqlite3", where, run=name)
