"""What DiaSources of a simulated night truly are."""

from typing import Final

import numpy as np
from astropy.table import Table
from scipy.spatial import KDTree

__all__ = ["RADIUS", "true_kinds"]

RADIUS: Final = 3.0
"""Pixels, of a source from its truth."""
_FALSE: Final = "false"


def true_kinds(truth: Table, sources: Table) -> dict[int, str]:
    """Find what each DiaSource is: that of the closest change in its image, else false.

    Parameters
    ----------
    truth
        Columns as in `simulator.world.truth.truth_of`.
    sources
        Columns as in `workbench.night.apdb.source_table`, but ``id`` in place of ``dia_source``.
    """
    kinds = dict.fromkeys((int(one) for one in sources["id"]), _FALSE)
    for visit, detector in {(int(row["visit"]), int(row["detector"])) for row in sources}:
        found = sources[(sources["visit"] == visit) & (sources["detector"] == detector)]
        is_here = (truth["exposure"] == visit) & (truth["detector"] == detector)
        changes = truth[is_here & (truth["kind"] != "star")]
        if not len(changes):
            continue
        distances, nearest = KDTree(_places(changes)).query(_places(found))
        for number, distance, place in zip(found["id"], distances, nearest, strict=True):
            if distance <= RADIUS:
                kinds[int(number)] = str(changes["kind"][place])
    return kinds


def _places(table: Table) -> np.ndarray:
    return np.column_stack([np.asarray(table["x"], dtype=float), np.asarray(table["y"], dtype=float)])
