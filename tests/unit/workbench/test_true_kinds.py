"""What DiaSources of a simulated night truly are."""

from astropy.table import Table

from workbench.night.true_kinds import true_kinds


def test_each_source_is_the_closest_change_of_its_image_or_false() -> None:
    truth = Table(
        rows=[
            (1, 4, "star", 10.0, 10.0),
            (1, 4, "variable", 20.0, 10.0),
            (1, 4, "transient", 22.0, 10.0),
            (2, 4, "mover", 50.0, 50.0),
        ],
        names=("exposure", "detector", "kind", "x", "y"),
    )
    sources = Table(
        rows=[
            (100, 1, 4, 10.0, 10.0),
            (101, 1, 4, 21.5, 10.0),
            (102, 1, 4, 18.5, 10.0),
            (103, 2, 4, 50.0, 52.0),
            (104, 2, 5, 50.0, 50.0),
        ],
        names=("id", "visit", "detector", "x", "y"),
    )
    assert true_kinds(truth, sources) == {
        100: "false",
        101: "transient",
        102: "variable",
        103: "mover",
        104: "false",
    }
