"""The Earth's orientation: astropy gets what it needs from a file, never by itself from elsewhere."""

from astropy.utils import iers
from astropy.utils.data import import_download_cache
from lsst.resources import ResourcePath

from domain.errors import PromptProcessingError

__all__ = ["IersCacheError", "use_iers_cache"]


class IersCacheError(PromptProcessingError):
    """The file with the Earth's orientation cannot be read."""


def use_iers_cache(uri: str | None) -> None:
    """Switch astropy's downloads off, and give it what was downloaded elsewhere.

    Parameters
    ----------
    uri
        A zip as `astropy.utils.data.export_download_cache` writes it; None: nothing
        beyond the tables that astropy comes with.

    Raises
    ------
    IersCacheError
        Raised if the file cannot be read.
    """
    iers.conf.auto_download = False
    if uri is None:
        return
    try:
        with ResourcePath(uri).as_local() as local:
            import_download_cache(local.ospath, update_cache=True)
    # Each store's client and the zip's reader have errors of their own.
    except Exception as error:
        raise IersCacheError(f"{uri}: {type(error).__name__}: {error}") from error
