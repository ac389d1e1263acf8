"""The service at MP_SKY_URL that knows which bodies are in a cone.

Its wire: ``GET {MP_SKY_URL}?t=&ra=&dec=&radius=&return_elements=extended``, answered with two Arrow tensors
(Chebyshev coefficients of the bodies, shape (n, 3, bodies), and of the observer, (n, 3)) and an Arrow stream
of one batch.
"""

import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import requests
from astropy.table import Table
from astropy.time import Time

from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.solar_system.designations import BadDesignationError, ss_object_id
from prompt_pipelines.solar_system.prediction import View, body_table, no_bodies

__all__ = ["SkyServiceError", "ask_service"]

_MARGIN = 0.208
"""Degrees around the detector, as Rubin asks for: 10 degrees a day in half an hour."""
_ERROR = 2.0  # arcseconds, as Rubin takes
_LARGEST = 64 * 1024 * 1024
_PACKED = "packed_primary_provisional_designation"


class SkyServiceError(PromptPipelinesError):
    """The service does not answer in time, or not in its wire."""


def ask_service(url: str, view: View, patience: float) -> Table:
    """Ask for the bodies of a view.

    Parameters
    ----------
    url
        Of the service.
    view
        Where and when.
    patience
        Seconds for all of it.

    Raises
    ------
    SkyServiceError
        Raised if there is no answer in that time, or none that can be read.
    """
    asked: Mapping[str, str] = {
        "t": str(float(Time(view.middle, format="mjd", scale="tai").utc.mjd)),
        "ra": str(view.ra),
        "dec": str(view.dec),
        "radius": str(view.radius + _MARGIN),
        "return_elements": "extended",
    }
    try:
        answer = _fetch(url, asked, time.monotonic() + patience)
    except requests.RequestException as error:
        user = urlsplit(url).netloc.rpartition("@")[0]
        reason = str(error).replace(f"{user}@", "") if user else str(error)
        raise SkyServiceError(
            f"the service of known bodies, MP_SKY_URL, does not answer: {reason}"
        ) from error
    try:
        return _read(answer, view)
    except (pa.ArrowException, OSError, KeyError, ValueError, StopIteration, IndexError) as error:
        raise SkyServiceError(f"the answer of MP_SKY_URL cannot be read: {error!r}") from error


def _fetch(url: str, asked: Mapping[str, str], until: float) -> bytes:
    patience = until - time.monotonic()
    parts: list[bytes] = []
    size = 0
    with requests.get(url, params=dict(asked), timeout=patience, stream=True) as response:
        response.raise_for_status()
        # One byte every now and then would be no time-out to the socket.
        while part := response.raw.read1(65_536, decode_content=True):
            parts.append(part)
            size += len(part)
            if time.monotonic() > until:
                raise requests.Timeout("it has taken too long")
            if size > _LARGEST:
                raise requests.RequestException(f"its answer has more than {_LARGEST} bytes")
    return b"".join(parts)


def _read(answer: bytes, view: View) -> Table:
    with pa.input_stream(memoryview(answer)) as stream:
        objects = pa.ipc.read_tensor(stream).to_numpy()
        observer = pa.ipc.read_tensor(stream).to_numpy()
        with pa.ipc.open_stream(stream) as reader:
            batch = reader.read_next_batch()
    if not batch.num_rows:
        return no_bodies(view)
    column = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names}
    names = column["name"].astype(str)
    packed = column.get(_PACKED, names)
    identifiers = np.array(
        [_identifier(str(one), str(name)) for one, name in zip(packed, names, strict=True)]
    )
    table = body_table(
        designation=names,
        identifiers=identifiers,
        magnitude=cast(Any, column.get("Vmag", np.full(len(names), np.nan))),
        error=np.full(len(names), _ERROR),
        span=(float(column["tmin"][0]), float(column["tmax"][0])),
        objects=np.moveaxis(objects, (0, 1, 2), (2, 1, 0)),
        observer=observer.T,
    )
    return table[identifiers != 0]


def _identifier(*designations: str) -> int:
    for one in designations:
        try:
            return ss_object_id(one)
        except BadDesignationError:
            continue
    return 0
