"""From a variable's text to its value; the `ValueError` says what is expected."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import yaml

__all__ = [
    "address",
    "boolean",
    "choice",
    "debug_contexts",
    "existing_file",
    "folder",
    "folder_uri",
    "http_uri",
    "http_uri_or",
    "integer",
    "log_level",
    "log_levels",
    "named_addresses",
    "names",
    "networks",
    "optional",
    "optional_folder",
    "optional_resource",
    "optional_seconds",
    "or_none",
    "pattern",
    "patterns",
    "positive",
    "seconds",
    "text",
    "url_path",
    "yaml_list",
]

_LEVELS = {"CRITICAL", "FATAL", "ERROR", "WARNING", "WARN", "INFO", "VERBOSE", "DEBUG", "TRACE"}


def text(value: str) -> str:
    """Take any text."""
    return value


def optional(value: str) -> str | None:
    """Take any text; blank is None."""
    return value or None


def or_none(value: str) -> str:
    """Take any text; ``none`` is blank, for what is required but may be absent on purpose."""
    return "" if value.lower() == "none" else value


def integer(value: str) -> int:
    """Take a whole number, 0 or more."""
    try:
        number = int(value)
    except ValueError:
        raise ValueError("is not a whole number") from None
    if number < 0:
        raise ValueError("is negative")
    return number


def positive(value: str) -> int:
    """Take a whole number, 1 or more."""
    number = integer(value)
    if not number:
        raise ValueError("is not 1 or more")
    return number


def seconds(value: str) -> float:
    """Take a duration in seconds."""
    try:
        number = float(value)
    except ValueError:
        raise ValueError("is not a number of seconds") from None
    if not 0 <= number < float("inf"):
        raise ValueError("is not a duration")
    return number


def optional_seconds(value: str) -> float | None:
    """Take a duration in seconds; blank is None."""
    return seconds(value) if value else None


def boolean(value: str) -> bool:
    """Take 0 or 1, or a word for them."""
    known = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}
    try:
        return known[value.lower()]
    except KeyError:
        raise ValueError("is neither 0 nor 1") from None


def choice(*allowed: str) -> Callable[[str], str]:
    """Make a parser that takes one of some words."""

    def parse(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"is none of {', '.join(allowed)}")
        return value.lower()

    return parse


def names(value: str) -> frozenset[str]:
    """Take names separated by blanks or commas."""
    return frozenset(value.replace(",", " ").split())


def folder(value: str) -> Path:
    """Take a folder, which need not be there yet."""
    path = Path(value)
    if path.exists() and not path.is_dir():
        raise ValueError("is not a folder")
    return path


def folder_uri(value: str) -> str:
    """Take a folder, which need not be there yet, or the URI of one."""
    return value if "://" in value else str(folder(value))


def optional_folder(value: str) -> Path | None:
    """Take a folder, which need not be there yet; blank is None."""
    return folder(value) if value else None


def existing_file(value: str) -> Path:
    """Take a file that is there."""
    path = Path(value)
    if not path.is_file():
        raise ValueError("is not a file that can be read")
    return path


def http_uri(value: str) -> str | None:
    """Take an http or https address; blank is None."""
    return http_uri_or()(value)


def http_uri_or(*schemes: str) -> Callable[[str], str | None]:
    """Make a parser that takes an http or https address, or one of other schemes; blank is None."""
    allowed = ("http", "https", *schemes)

    def parse(value: str) -> str | None:
        if value and urlsplit(value).scheme not in allowed:
            raise ValueError(f"does not begin with {' or '.join(f'{scheme}://' for scheme in allowed)}")
        return value.rstrip("/") or None

    return parse


def address(value: str) -> tuple[str, int]:
    """Take ``host:port``."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("is not host:port")
    return host, int(port)


def optional_resource(value: str) -> str | None:
    """Take a file that is there, or any URI, which is read when it is used; blank is None."""
    if not value or "://" in value:
        return value or None
    return str(existing_file(value))


def networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Take networks in CIDR notation, separated by blanks or commas."""
    found = []
    for word in value.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise ValueError(f"its entry {word!r} is no network: {error}") from None
    return tuple(found)


def named_addresses(value: str) -> Mapping[str, str]:
    """Take ``name=http://...`` pairs, separated by blanks."""
    found = {}
    for pair in value.split():
        name, _, uri = pair.partition("=")
        parts = urlsplit(uri)
        if not name or parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"its pair {pair!r} is not name=http://host:port/path")
        found[name] = uri
    return found


def url_path(value: str) -> str:
    """Take the path of an address, such as ``/console``; blank is the root."""
    path = value.rstrip("/")
    if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
        raise ValueError("is not a path such as /console")
    return path


def yaml_list(value: str) -> list[object]:
    """Take a YAML list."""
    try:
        content = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, list):
        raise ValueError("is not a YAML list")
    return content


def pattern(value: str) -> str:
    """Take a regular expression."""
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


def patterns(value: str) -> tuple[re.Pattern[str], ...]:
    """Take a YAML list of regular expressions."""
    compiled = []
    for entry in yaml_list(value):
        if not isinstance(entry, str):
            raise ValueError(f"its entry {entry!r} is not text")
        try:
            compiled.append(re.compile(entry))
        except re.error as error:
            raise ValueError(f"its entry {entry!r} is not a regular expression: {error}") from None
    return tuple(compiled)


def debug_contexts(value: str) -> str:
    """Take librdkafka's debug contexts, or 0 for none and 1 for all."""
    try:
        return "all" if boolean(value) else ""
    except ValueError:
        return ",".join(value.replace(",", " ").split())


def log_level(value: str) -> str | None:
    """Take a level; blank is None."""
    if value and value.upper() not in _LEVELS:
        raise ValueError(f"is none of {', '.join(sorted(_LEVELS))}")
    return value.upper() or None


def log_levels(value: str) -> Mapping[str, str]:
    """Take ``logger=LEVEL`` pairs, ``.`` being the root."""
    levels = {}
    for pair in value.split():
        logger, _, level = pair.partition("=")
        if level.upper() not in _LEVELS:
            raise ValueError(f"its pair {pair!r} is not logger=LEVEL")
        levels[logger] = level.upper()
    return levels
