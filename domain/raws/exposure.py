"""One exposure as its header describes it."""

from attrs import Factory, field, frozen

from domain.times import TaiSeconds

__all__ = ["Exposure"]


@frozen(kw_only=True)
class Exposure:
    """What a raw's header (or its sidecar) says of the exposure, in fixed units."""

    instrument: str
    detector: int
    exposure: int
    """The Butler's exposure id."""
    obs_id: str
    group: str
    snap: int
    """From 0."""
    day_obs: int
    """YYYYMMDD."""
    seqnum: int
    physical_filter: str
    exposure_time: float
    """Seconds."""
    begin: TaiSeconds
    end: TaiSeconds
    ra: float | None
    """Boresight, degrees ICRS."""
    dec: float | None
    """Boresight, degrees ICRS."""
    sky_angle: float | None
    """Degrees, of focal-plane +Y, east of north."""
    observation_type: str = "science"
    dark_time: float = field(default=Factory(lambda self: self.exposure_time, takes_self=True))
    """Seconds from the end of clearing to the read-out."""
