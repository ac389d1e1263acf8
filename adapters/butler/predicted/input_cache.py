"""Inputs remembered across visits.

One question to the central registry is asked for more than a visit-detector
needs: for all detectors, a night and a field. The visits that follow are
answered from memory.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from astropy.time import TimeDelta
from attrs import evolve, frozen
from lsst.daf.butler import DatasetType, Timespan
from lsst.sphgeom import Angle, Circle, Region

from adapters.butler.inputs.input_queries import InputQueries, spatial_element
from adapters.butler.inputs.inputs import Found, Selection, first_found
from adapters.butler.predicted.known_records import CentralRecords, KnownRecords
from adapters.butler.shared.central_repository import CentralRepositories

__all__ = ["InputCache"]

_FIELD: Final = Angle.fromDegrees(1.0)
"""How far around a visit-detector templates and catalogues are looked up."""
_NIGHT: Final = TimeDelta(0.5, format="jd")
"""How far around a visit calibrations are looked up."""
_LIFETIME: Final = 3600.0
"""Seconds after which the registry is asked again: calibrations may be certified at night."""
_AREAS: Final = 4
"""Fields remembered for each dataset type."""
_OWN: Final = frozenset({"group", "day_obs"})
"""Dimensions of what no other visit asks for."""
_WIDENED: Final = frozenset({"instrument", "skymap", "band"})


@frozen(kw_only=True)
class _Answer:
    """What the registry said to one widened question."""

    rows: tuple[Found, ...]
    order: tuple[str, ...]
    asked: float
    timespan: Timespan
    region: Region | None

    def covers(self, selection: Selection, now: float) -> bool:
        """Say whether it answers a narrower question."""
        if now - self.asked > _LIFETIME or not self.timespan.contains(selection.timespan):
            return False
        return self.region is None or selection.region is None or self.region.contains(selection.region)


class InputCache:
    """Looks into the central repository as rarely as it can; an `InputFinder`.

    Parameters
    ----------
    shared
        The central repositories.
    records
        Knows dimension records; all that is found here has its records.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        shared: CentralRepositories,
        records: CentralRecords,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._queries = InputQueries(shared)
        self._records = records
        self._clock = clock
        self._answers: dict[object, OrderedDict[object, _Answer]] = {}
        self._collections: dict[tuple[str, ...], tuple[float, tuple[Sequence[str], Sequence[str]]]] = {}

    def collections(self, names: Iterable[str]) -> tuple[Sequence[str], Sequence[str]]:
        """See `InputFinder.collections`."""
        key, now = tuple(names), self._clock()
        asked, answer = self._collections.get(key, (float("-inf"), ((), ())))
        # One that was missing may have been made since.
        if answer[1] or now - asked > _LIFETIME:
            answer = self._queries.collections(key)
            self._collections[key] = now, answer
        return answer

    def find(
        self, dataset_type: DatasetType, collections: Sequence[str], selection: Selection
    ) -> Sequence[Found]:
        """See `InputFinder.find`."""
        spatial = spatial_element(dataset_type)
        if _OWN & dataset_type.dimensions.names:
            return self._unremembered(dataset_type, collections, selection)
        if spatial is not None and selection.region is None:
            return []
        if "band" in dataset_type.dimensions and spatial is not None and "band" not in selection.data_id:
            return []
        answer = self._answer(dataset_type, tuple(collections), selection, spatial)
        rows = [row for row in answer.rows if _matches(row, selection, spatial)]
        return first_found(rows, answer.order, selection)

    def forget(self, age: float = 0.0) -> bool:
        """See `InputFinder.forget`."""
        asked = [answer.asked for answers in self._answers.values() for answer in answers.values()]
        asked += [when for when, _ in self._collections.values()]
        if not asked or self._clock() - min(asked) < age:
            return False
        self._answers.clear()
        self._collections.clear()
        return True

    def _unremembered(
        self, dataset_type: DatasetType, collections: Sequence[str], selection: Selection
    ) -> Sequence[Found]:
        """Find what belongs to one visit alone."""
        rows = self._queries.find(dataset_type, collections, selection)
        records = KnownRecords(self._records.ensure())
        for element in sorted(_OWN & dataset_type.dimensions.names):
            data_id = {name: selection.data_id[name] for name in ("instrument", element)}
            records.add(self._shared.reader.query_dimension_records(element, data_id=data_id, explain=False))
        refs = records.expand_refs([row.ref for row in rows])
        return [evolve(row, ref=ref) for row, ref in zip(rows, refs, strict=True)]

    def _answer(
        self,
        dataset_type: DatasetType,
        collections: tuple[str, ...],
        selection: Selection,
        spatial: str | None,
    ) -> _Answer:
        known = {name: selection.data_id[name] for name in _WIDENED & selection.data_id.keys()}
        if spatial is None:
            known.pop("band", None)
        key = (dataset_type.name, collections, tuple(sorted(known.items())))
        answers = self._answers.setdefault(key, OrderedDict())
        now = self._clock()
        for number, answer in reversed(answers.items()):
            if answer.covers(selection, now):
                answers.move_to_end(number)
                return answer
        answer = self._ask(dataset_type, collections, _widened(selection, known, spatial), spatial)
        # Without rows it may be that they are yet to come.
        if answer.rows:
            answers[object()] = answer
            while len(answers) > _AREAS:
                answers.popitem(last=False)
        return answer

    def _ask(
        self, dataset_type: DatasetType, collections: tuple[str, ...], wide: Selection, spatial: str | None
    ) -> _Answer:
        rows, order = self._queries.rows(dataset_type, collections, wide)
        records = self._records.ensure()
        if spatial in {"patch", "tract"}:
            skymap = wide.data_id["skymap"]
            # It is registered with the first templates ever, which may be after this process began.
            if records.find("skymap", skymap) is None:
                reader = self._shared.reader
                records.add(reader.query_dimension_records("skymap", skymap=skymap, explain=False))
            for element in ("tract", "patch") if spatial == "patch" else ("tract",):
                found = self._shared.reader.query_dimension_records(
                    element,
                    where=f"{element}.region OVERLAPS region",
                    bind={"region": wide.region},
                    data_id={"skymap": skymap},
                    explain=False,
                    limit=None,
                )
                records.add(found)
        refs = records.expand_refs([row.ref for row in rows])
        return _Answer(
            rows=tuple(evolve(row, ref=ref) for row, ref in zip(rows, refs, strict=True)),
            order=tuple(order),
            asked=self._clock(),
            timespan=wide.timespan,
            region=wide.region if spatial is not None else None,
        )


def _widened(selection: Selection, known: dict[str, str | int], spatial: str | None) -> Selection:
    span = selection.timespan
    return Selection(
        data_id=known,
        filters=None,
        region=None if spatial is None or selection.region is None else _around(selection.region),
        timespan=Timespan(span.begin - _NIGHT, span.end + _NIGHT),
    )


def _around(region: Region) -> Circle:
    circle = region.getBoundingCircle()
    return Circle(circle.getCenter(), circle.getOpeningAngle() + _FIELD)


def _matches(row: Found, selection: Selection, spatial: str | None) -> bool:
    """Say whether a dataset is one that the narrow question is for."""
    data_id = row.ref.dataId
    for name in row.ref.dimensions.required:
        if name == "physical_filter":
            if selection.filters is not None and data_id[name] not in selection.filters:
                return False
        elif name in selection.data_id and data_id[name] != selection.data_id[name]:
            return False
    if row.timespan is not None and not row.timespan.overlaps(selection.timespan):
        return False
    # Not known to be apart counts as overlap, as it does in the registry.
    place = data_id.region if spatial is not None else None
    return place is None or selection.region is None or place.overlaps(selection.region) is not False
