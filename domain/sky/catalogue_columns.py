"""What the columns of a star catalogue are called, and what they mean."""

from collections.abc import Mapping

from attrs import field, frozen

from domain.errors import PromptProcessingError

__all__ = ["CatalogueColumns", "CatalogueError", "ColumnRule", "EpochRule", "FluxRule"]


class CatalogueError(PromptProcessingError):
    """A star catalogue, or the description of its columns, cannot be used."""


@frozen(kw_only=True)
class ColumnRule:
    """Where a quantity stands."""

    column: str
    unit: str | None = None
    """As astropy writes it; None: the file's own, else the usual one."""


@frozen(kw_only=True)
class EpochRule:
    """When positions hold."""

    column: str | None = None
    value: float | None = None
    """The same for all."""
    format: str = "jyear"

    def __attrs_post_init__(self) -> None:
        if (self.column is None) == (self.value is None):
            raise CatalogueError("names either a column or a value")
        if self.format not in {"jyear", "mjd"}:
            raise CatalogueError(f"format {self.format!r} is neither jyear nor mjd")


@frozen(kw_only=True)
class FluxRule:
    """How bright a star is in one band."""

    flux: str | None = None
    """Column of fluxes; in nJy, unless the file or `unit` says otherwise."""
    magnitude: str | None = None
    """Column of magnitudes; AB, once `terms` are added."""
    error: str | None = None
    """Column of the standard error of either."""
    unit: str | None = None
    """Of fluxes."""
    colour: tuple[str, str] | None = None
    """Columns of two magnitudes: the first minus the second."""
    colour_range: tuple[float, float] | None = None
    """Outside of which the flux is not known."""
    terms: tuple[float, ...] = ()
    """Added to the magnitude, by powers of the colour; one alone needs no colour."""

    def __attrs_post_init__(self) -> None:
        if (self.flux is None) == (self.magnitude is None):
            raise CatalogueError("names either a flux or a magnitude")
        if self.flux is not None and (self.terms or self.colour):
            raise CatalogueError("terms and colour are those of a magnitude")
        if self.magnitude is not None and self.unit is not None:
            raise CatalogueError("the unit is that of a flux")
        if len(self.terms) > 1 and self.colour is None:
            raise CatalogueError("several terms need a colour")

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are needed."""
        names = (self.flux, self.magnitude, self.error, *(self.colour or ()))
        return tuple(name for name in names if name is not None)


@frozen(kw_only=True)
class CatalogueColumns:
    """All of a catalogue's columns."""

    ra: ColumnRule
    dec: ColumnRule
    fluxes: Mapping[str, FluxRule]
    """By band."""
    id: str | None = None
    """Whole numbers; None: made of the position."""
    pm_ra: ColumnRule | None = None
    """Proper motion in right ascension, times the cosine of the declination."""
    pm_dec: ColumnRule | None = None
    epoch: EpochRule | None = None
    missing: tuple[float, ...] = field(default=())
    """Numbers that mean that there is none."""

    def __attrs_post_init__(self) -> None:
        if not self.fluxes:
            raise CatalogueError("fluxes: names no band")
        if (self.pm_ra is None) != (self.pm_dec is None):
            raise CatalogueError("has one of pm_ra and pm_dec only")
        if self.pm_ra is not None and self.epoch is None:
            raise CatalogueError("proper motions need an epoch")

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are needed."""
        rules = (self.ra, self.dec, self.pm_ra, self.pm_dec, self.epoch)
        names = [self.id, *(None if rule is None else rule.column for rule in rules)]
        names.extend(name for rule in self.fluxes.values() for name in rule.columns)
        return tuple(dict.fromkeys(name for name in names if name is not None))
