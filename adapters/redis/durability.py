"""Whether a Redis keeps what it acknowledged through a crash (semantics 11)."""

from collections.abc import Mapping
from typing import Final

from adapters.redis.connection import RedisConnection, refusal
from domain.errors import PromptProcessingError

__all__ = ["faults_of"]

_WANTED: Final[Mapping[str, str]] = {"appendonly": "yes", "appendfsync": "always"}
_CONSEQUENCE: Final = "a crash of the server can lose claims and outcomes that it acknowledged"


async def faults_of(connection: RedisConnection) -> list[str]:
    """Say in sentences what the server lacks; nothing if it lacks nothing."""
    faults = []
    for name, wanted in _WANTED.items():
        try:
            answer = await connection.call("CONFIG", "GET", name)
        except PromptProcessingError as error:
            if not refusal(error):
                raise
            # Managed servers and fakeredis do not tell.
            return [f"Redis at {connection.name} does not tell how durable it is: {error.__cause__}"]
        found = answer[1] if answer else "unknown"
        if found != wanted:
            fault = f"Redis at {connection.name} runs with {name} {found}, not {wanted}"
            faults.append(f"{fault}: {_CONSEQUENCE}")
    return faults
