"""One connection to a Redis server, with errors in the words of a port."""

import functools
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.common.opened import Opened
from domain.errors import PromptProcessingError

__all__ = [
    "InvalidRedisUrlError",
    "RedisAdapter",
    "RedisConnection",
    "SyncRedisConnection",
    "lua",
    "refusal",
    "text",
]

# A connection that the server closed while it was idle is opened anew. A time
# out is not tried again here: the caller counts on the time it allows.
_RETRIES = 1
_RETRIED = (redis.ConnectionError,)

type _Answer = Any
type _Words = Sequence[bytes | str | float]


class InvalidRedisUrlError(PromptProcessingError):
    """The address of a Redis server cannot be understood."""


class _Server:
    """What both kinds of connection know of their server."""

    def __init__(self, url: str, unavailable: type[PromptProcessingError]) -> None:
        self.name = _name(url)
        self.unavailable = unavailable

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise the port's error for the vendor's."""
        try:
            yield
        except (redis.RedisError, OSError, ssl.SSLError) as error:
            raise self.unavailable(f"Redis at {self.name}: {error or type(error).__name__}") from error


class RedisConnection(_Server):
    """One connection, its commands awaited one after another.

    One only: a pool opens connections without end in a burst, until some
    commands fail. Closed, it may be opened again.

    Parameters
    ----------
    url
        ``redis://[user:password@]host:port/db``, or ``rediss://`` for TLS with
        ``?ssl_ca_certs=file`` if the authority is not one of the system's.
    unavailable
        The port's error for a server that cannot be reached.
    timeout
        Seconds for one command, and for connecting.
    decode
        Whether answers are text; bytes if not.
    """

    def __init__(
        self, url: str, *, unavailable: type[PromptProcessingError], timeout: float = 5.0, decode: bool = True
    ) -> None:
        super().__init__(url, unavailable)
        self._redis: redis.asyncio.Redis = _checked(
            redis.asyncio.Redis.from_url,
            url,
            single_connection_client=True,
            decode_responses=decode,
            encoding_errors="replace",
            protocol=2,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=AsyncRetry(NoBackoff(), _RETRIES, _RETRIED),
        )
        self._scripts: dict[str, Any] = {}

    async def open(self) -> None:
        """Connect, and see that the server answers."""
        await self.call("PING")

    async def close(self) -> None:
        """Close the connection."""
        with self.translated():
            await self._redis.aclose(close_connection_pool=True)

    async def call(self, *words: bytes | str | float) -> _Answer:
        """Send one command."""
        with self.translated():
            return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]  # not annotated there

    async def run(self, script: str, keys: Sequence[str], arguments: _Words = ()) -> _Answer:
        """Run a script, which the server keeps after the first time."""
        if script not in self._scripts:
            self._scripts[script] = self._redis.register_script(script)
        with self.translated():
            return await self._scripts[script](keys=list(keys), args=list(arguments))


class SyncRedisConnection(_Server):
    """The same for code that is not asynchronous."""

    def __init__(self, url: str, *, unavailable: type[PromptProcessingError], timeout: float = 5.0) -> None:
        super().__init__(url, unavailable)
        self._redis: redis.Redis = _checked(
            redis.Redis.from_url,
            url,
            decode_responses=True,
            encoding_errors="replace",
            protocol=2,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), _RETRIES, _RETRIED),
        )

    def open(self) -> None:
        """Connect, and see that the server answers."""
        with self.translated():
            self._redis.ping()

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def run(self, script: str, keys: Sequence[str], arguments: _Words = ()) -> _Answer:
        """Run a script, which the server keeps after the first time."""
        with self.translated():
            return self._redis.register_script(script)(keys=list(keys), args=list(arguments))


class RedisAdapter(Opened):
    """Base of the adapters on Redis; its connections are open within an ``async with`` block."""

    def __init__(self, *connections: RedisConnection) -> None:
        self.__connections = connections

    async def open(self) -> None:
        """Connect, and see that the server answers."""
        for connection in self.__connections:
            await connection.open()

    async def close(self) -> None:
        """Close all connections."""
        for connection in self.__connections:
            await connection.close()


@functools.cache
def lua(name: str, *before: str) -> str:
    """Read a script below `adapters/redis/lua`, with others put before it."""
    folder = files("adapters.redis") / "lua"
    return "\n".join((folder / f"{each}.lua").read_text() for each in (*before, name))


def text(answer: bytes | str) -> str:
    """Decode an identifier or a name that the server made."""
    return answer.decode() if isinstance(answer, bytes) else answer


def refusal(error: PromptProcessingError) -> str:
    """Find the code with which the server refused a command; blank if it cannot be reached."""
    cause = error.__cause__
    return str(cause).partition(" ")[0] if isinstance(cause, redis.ResponseError) else ""


def _checked[T](make: Callable[..., T], url: str, **options: object) -> T:
    try:
        return make(url, **options)
    except ValueError as error:
        raise InvalidRedisUrlError(f"Redis address {_name(url)}: {error}") from error


def _name(url: str) -> str:
    """Name a server without its password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError:
        return "(unreadable)"
    return f"{parts.hostname or 'localhost'}:{port}"
