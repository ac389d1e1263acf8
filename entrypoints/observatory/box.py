"""The box: servers, repository and processes of one night, in one temporary folder."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from attrs import astuple, evolve, field, frozen

from entrypoints.observatory.display import Display
from entrypoints.observatory.environment import Addresses, Topics, process_environment, variables, within
from entrypoints.observatory.processes import Listener, ProcessFailedError, ServiceProcess
from simulator.kafka import EmbeddedKafka
from simulator.night import NightPlan
from simulator.object_store import ObjectStore
from simulator.redis_server import redis_server
from simulator.repository import make_repository
from simulator.schema_registry import SchemaRegistry
from simulator.service import Service
from simulator.sky import Stars

__all__ = ["Box", "NightSetup", "opened_box", "uninterrupted"]

_IMAGES = "images"
_CENTRAL = "central"
_WORKERS = 2


@frozen(kw_only=True)
class NightSetup:
    """What a night needs to be told before the box is opened."""

    plan: NightPlan
    camera_file: str
    pipelines: Mapping[str, object]
    """Contents of the two pipelines configurations, by variable."""
    reference: Stars | None
    """Stars of the reference catalogue."""
    workers: int = _WORKERS
    expiration: float = 3600.0
    """Seconds after which an announcement is too old."""
    variables: Mapping[str, Mapping[str, str]] = field(factory=dict)
    """Settings of services that differ from those of the demo, by service."""


@frozen(kw_only=True)
class Box:
    """A running box."""

    setup: NightSetup
    addresses: Addresses
    running: tuple[ServiceProcess, ...]
    """Processes that run until they are stopped."""


@contextlib.asynccontextmanager
async def opened_box(setup: NightSetup, display: Display, listener: Listener) -> AsyncIterator[Box]:
    """Start everything; on the way out, stop everything and leave nothing behind.

    Raises
    ------
    SimulatorError
        Raised if a server does not come up.
    ProcessFailedError
        Raised if a service does not.
    """
    folder = Path(tempfile.mkdtemp(prefix="prompt-processing-"))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        addresses = await uninterrupted(_start_servers, stack, folder, display)
        with within({**addresses.s3, "LSST_RESOURCES_TMPDIR": str(folder)}):
            display.say("making a central repository with calibrations")
            await uninterrupted(
                make_repository,
                addresses.repository,
                setup.plan,
                datastore=f"s3://{_CENTRAL}/",
                reference=setup.reference,
            )
            yield await _start_processes(stack, setup, addresses, display, listener)


async def uninterrupted[**P, T](call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run something in a thread; if cancelled, wait for its end before that takes effect.

    A thread cannot be stopped, and must not work in a folder that is being
    removed.
    """
    running = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _start_servers(stack: contextlib.AsyncExitStack, folder: Path, display: Display) -> Addresses:
    kafka = EmbeddedKafka()
    registry, redis = SchemaRegistry(), redis_server()
    _start(stack, kafka)
    for topic in astuple(Topics()):
        kafka.create_topic(topic)
    store = ObjectStore(
        kafka.bootstrap_servers, image_bucket=_IMAGES, topic=Topics().bucket, other_buckets=(_CENTRAL,)
    )
    for service in (store, registry, redis):
        _start(stack, service)
    display.say(
        "; ".join(
            f"{name}: {'real, ' if service.is_real else ''}{service.description}"
            for name, service in (("Kafka", kafka), ("S3", store), ("schemas", registry), ("Redis", redis))
        )
    )
    return Addresses(
        kafka=kafka.bootstrap_servers,
        registry=registry.url,
        redis=f"127.0.0.1:{redis.port}",
        s3=store.environment,
        bucket=_IMAGES,
        repository=folder / "central",
        folder=folder,
        batches=folder / "batches",
    )


def _start(stack: contextlib.AsyncExitStack, service: Service) -> None:
    stack.callback(service.stop)
    service.start()


async def _start_processes(
    stack: contextlib.AsyncExitStack,
    setup: NightSetup,
    addresses: Addresses,
    display: Display,
    listener: Listener,
) -> Box:
    async def start(name: str, command: list[str], settings: Mapping[str, str]) -> ServiceProcess:
        service = ServiceProcess(
            name,
            command,
            {**process_environment(addresses), **settings, **setup.variables.get(command[0], {})},
            addresses.folder / f"{name.replace(' ', '-')}.log",
            listener,
        )
        stack.push_async_callback(service.stop)
        await service.start()
        return service

    def settings() -> Mapping[str, Mapping[str, str]]:
        return variables(setup.plan, setup.camera_file, setup.pipelines, addresses, setup.expiration)

    display.say("initializing the deployment")
    initializer = await start(
        "initializer", ["initialize", "--register-dataset-types"], settings()["initialize"]
    )
    neighbours = [
        await start(name, [name], settings()[name]) for name in ("raw-presence", "fan-out", "butler-writer")
    ]
    code = await initializer.ended()
    if code != 0:
        raise ProcessFailedError(f"the initializer ended with exit code {code}:\n{initializer.tail()}")
    presence = await neighbours[0].ready()
    addresses = evolve(addresses, presence=f"http://127.0.0.1:{presence['port']}/presence")
    display.say(f"starting {setup.workers} workers")
    workers = [
        await start(f"worker {number}", ["worker"], settings()["worker"])
        for number in range(1, setup.workers + 1)
    ]
    for service in (*neighbours, *workers):
        await service.ready()
    return Box(setup=setup, addresses=addresses, running=(*neighbours, *workers))
