"""A repository's masters, for commands."""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from astropy.time import Time
from lsst.daf.butler import Butler, Timespan

from simulator.errors import SimulatorError
from workbench.masters.certification import certify, withdraw
from workbench.masters.stored_masters import StoredMaster, stored_masters
from workbench.repository import OpenedRepository, open_existing

__all__ = ["CalibrationRepository", "opened"]


class CalibrationRepository(OpenedRepository):
    """What commands do with masters."""

    def masters(self, instrument: str | None = None) -> list[StoredMaster]:
        """List masters, of an instrument or of all."""
        return stored_masters(self.butler, instrument)

    def of_run(
        self, run: str, types: Sequence[str] = (), detectors: Sequence[int] = ()
    ) -> list[StoredMaster]:
        """Choose masters of a run, by its name or the last part of it.

        Parameters
        ----------
        run
            The name.
        types, detectors
            Those alone, if any are named.

        Raises
        ------
        SimulatorError
            Raised if there is no such run or more than one, or no such master
            in it; the text lists runs.
        """
        masters = self.masters()
        runs = sorted({one.run for one in masters})
        named = [one for one in runs if run in {one, one.rpartition("/")[2]}]
        if len(named) != 1:
            said = "is no run of masters" if not named else "may be several runs"
            raise SimulatorError(f"{run} {said}; there are {', '.join(runs) or 'none'}")
        chosen = [
            one
            for one in masters
            if one.run == named[0]
            and (not types or one.dataset_type in types)
            and (not detectors or one.detector in detectors)
        ]
        if not chosen:
            raise SimulatorError(f"{named[0]} holds no such master")
        return chosen

    def certify(
        self,
        masters: Sequence[StoredMaster],
        begin: datetime.datetime | None,
        end: datetime.datetime | None,
        *,
        force: bool,
        replace: bool,
        until_next: bool = False,
    ) -> Sequence[StoredMaster]:
        """See `workbench.masters.certification.certify`; None is unbounded."""
        span = _span(begin, end)
        return certify(self.butler, masters, span, force=force, replace=replace, until_next=until_next)

    def withdraw(
        self, masters: Sequence[StoredMaster], begin: datetime.datetime | None, end: datetime.datetime | None
    ) -> Sequence[StoredMaster]:
        """See `workbench.masters.certification.withdraw`; None is unbounded."""
        return withdraw(self.butler, masters, _span(begin, end))


@contextmanager
def opened(root: str | None) -> Iterator[Butler | None]:
    """Open a repository for as long as it is needed; None is none.

    Raises
    ------
    SimulatorError
        Raised if there is no repository, or it cannot be read.
    """
    if root is None:
        yield None
        return
    with open_existing(root) as butler:
        yield butler


def _span(begin: datetime.datetime | None, end: datetime.datetime | None) -> Timespan:
    if begin is not None and end is not None and begin >= end:
        raise SimulatorError(f"from {begin} until {end} is no time")
    first, last = (None if one is None else Time(one, scale="utc").tai for one in (begin, end))
    return Timespan(first, last)
