"""A repository's templates, for commands."""

import datetime

from simulator.errors import SimulatorError
from workbench.coadds.versions import Version, find_version, retire, versions
from workbench.repository import OpenedRepository

__all__ = ["TemplateRepository", "nights_of"]


class TemplateRepository(OpenedRepository):
    """What commands do with templates."""

    def instrument(self, name: str | None) -> str:
        """Return the name of the repository's instrument, which has to be given if there are several.

        Raises
        ------
        SimulatorError
            Raised if there is none of that name, or none or several and no name.
        """
        known = sorted(
            str(record.name) for record in self.butler.query_dimension_records("instrument", explain=False)
        )
        if name is None and len(known) == 1:
            return known[0]
        if name in known:
            return str(name)
        said = "which instrument" if name is None else f"{name} is no instrument of the repository"
        raise SimulatorError(f"{said}: there are {', '.join(known) or 'none'}")

    def versions(self, instrument: str | None) -> list[Version]:
        """List the versions of templates, in the order in which workers look into them."""
        return versions(self.butler, self.instrument(instrument))

    def retire(self, version: str, instrument: str | None, *, delete: bool) -> Version:
        """Take a version out of use."""
        name = self.instrument(instrument)
        found = find_version(self.butler, name, version)
        retire(self.butler, name, found, delete=delete)
        return found


def nights_of(text: str | None) -> tuple[int | None, int | None]:
    """Read ``FROM..UNTIL``, or one night.

    Raises
    ------
    SimulatorError
        Raised if it is neither.
    """
    if text is None:
        return None, None
    first, dots, last = text.partition("..")
    begin = None if not first else _night(first)
    if not dots:
        return begin, begin
    return begin, None if not last else _night(last)


def _night(text: str) -> int:
    for form in ("%Y-%m-%d", "%Y%m%d"):
        try:
            return int(f"{datetime.datetime.strptime(text, form):%Y%m%d}")  # noqa: DTZ007 - a day, no instant
        except ValueError:
            continue
    raise SimulatorError(f"{text} is no night: write it as 2026-03-14")
