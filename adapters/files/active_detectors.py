"""The fan-out's configuration file, INSTRUMENT_CONFIG_FILE (docs/contracts/environment.md)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NewType

from attrs import field, frozen

from adapters.common.converters import UnfitError, rename, shown, strict_converter
from adapters.files.yaml_files import UnreadableFileError, read_file
from domain.fan_out import FanOutConfig

__all__ = ["FanOutFileError", "load_fan_out_config"]


_NAMES: Final = {"redis_streams": "redis-streams", "knative_urls": "knative-urls"}

# A chart that writes a mapping out again writes its numbers as text, as today's production does.
_Number = NewType("_Number", int)


class FanOutFileError(UnreadableFileError):
    """The fan-out's configuration file is absent or malformed."""


@frozen(kw_only=True)
class _File:
    redis_streams: Mapping[str, str]
    detectors: Mapping[str, Mapping[_Number, bool]]
    knative_urls: object = field(default=None)
    """Of an older way to workers; accepted, ignored."""


def load_fan_out_config(path: Path) -> FanOutConfig:
    """Read the fan-out's configuration.

    Raises
    ------
    FanOutFileError
        Raised if the file is absent or malformed; the text names file, key and
        reason.
    """
    converter = strict_converter()
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)
    converter.register_structure_hook(_Number, _number)
    rename(converter, _File, _NAMES)
    try:
        file = read_file(converter, _File, path, _NAMES)
    except UnreadableFileError as error:
        raise FanOutFileError(str(error)) from error
    return FanOutConfig(
        streams=dict(file.redis_streams),
        detectors={
            name: frozenset(number for number, active in numbers.items() if active)
            for name, numbers in file.detectors.items()
        },
    )


def _number(value: object, _: object) -> int:
    if type(value) is int or (isinstance(value, str) and value.isdecimal()):
        return int(value)
    raise UnfitError(f"{shown(value)} is not a whole number")
