"""What a site has made, and whether anything of it is lost or there twice."""

from collections import Counter
from collections.abc import Mapping

from attrs import field, frozen
from lsst.daf.butler import Butler

from benchmarks.services.site_process import Site, ask
from domain.work.outcomes import RULES
from workbench.night.alerts import read_alert_files

__all__ = ["Tally", "tally"]

type Place = tuple[str, int]
"""Group and detector."""


@frozen(kw_only=True)
class Tally:
    """What was found."""

    outcomes: Mapping[Place, str]
    """Name of each final outcome."""
    images: Counter[Place]
    """Calibrated images in the registry, all of whose files are there."""
    differences: Counter[Place]
    sources: int
    """DiaSources in the APDB."""
    alerts: int
    doubled: list[str] = field(factory=list)
    """What is there more than once."""

    @property
    def lost(self) -> list[Place]:
        """What is completed and has no image."""
        return [
            place for place, name in self.outcomes.items() if name == "completed" and not self.images[place]
        ]


def tally(site: Site, instrument: str) -> Tally:
    """Look at ledger, registry, APDB and alerts of a site that does not run."""
    images = _stored(site, instrument, "preliminary_visit_image")
    differences = _stored(site, instrument, "difference_image")
    kinds = (("image", images), ("difference", differences))
    rows = ask(site.apdb, 'SELECT visit, detector, x, y, diaSourceId FROM "DiaSource"')
    alerts = Counter(alert["diaSourceId"] for alert in read_alert_files(site.folder / "alerts"))
    doubled = [
        *(f"{what} of {place}" for what, found in kinds for place, count in found.items() if count > 1),
        *(f"DiaSource at {row}" for row, count in Counter(row[:4] for row in rows).items() if count > 1),
        *(f"DiaSource {name}" for name, count in Counter(row[4] for row in rows).items() if count > 1),
        *(f"alert of {name}" for name, count in alerts.items() if count > 1),
        *(f"alert of {name}, no DiaSource" for name in set(alerts) - {row[4] for row in rows}),
    ]
    return Tally(
        outcomes={
            place: RULES[type(one.outcome)].name for place, one in site.finals().items() if one.outcome
        },
        images=images,
        differences=differences,
        sources=len(rows),
        alerts=len(alerts),
        doubled=doubled,
    )


def _stored(site: Site, instrument: str, dataset_type: str) -> Counter[Place]:
    found: Counter[Place] = Counter()
    with Butler.from_config(str(site.folder / "central")) as butler:
        groups = {
            record.id: record.group
            for record in butler.query_dimension_records("exposure", instrument=instrument, explain=False)
        }
        runs = f"{instrument}/prompt/*"
        for ref in butler.query_all_datasets(runs, name=dataset_type, find_first=False, limit=None):
            assert butler.getURI(ref).exists()
            found[groups[int(ref.dataId["visit"])], int(ref.dataId["detector"])] += 1
    return found
