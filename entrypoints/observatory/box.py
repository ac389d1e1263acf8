"""The box: servers, repository and processes of one night, in one temporary folder."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

from attrs import astuple, evolve, field, frozen

from entrypoints.long_work import paced
from entrypoints.observatory.display import Display
from entrypoints.observatory.environment import Addresses, Topics, process_environment, variables, within
from entrypoints.observatory.processes import Listener, ProcessFailedError, ServiceProcess
from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.object_store import ObjectStore
from simulator.servers.redis_server import redis_server
from simulator.servers.schema_registry import SchemaRegistry
from simulator.servers.service import Service
from simulator.summit.night import NightPlan, PlanPart
from simulator.summit.templates import PatchTemplate
from simulator.world.sky import Stars
from simulator.world.skymap import SKYMAP, Skymap
from workbench.night.alerts import register_alert_schema
from workbench.night.apdb import make_apdb
from workbench.night.kept_night import keep_failure, remove
from workbench.night_repository import make_repository
from workbench.pace import Pace

__all__ = ["Box", "BoxSetup", "opened_box"]

_IMAGES = "images"
_CENTRAL = "central"
_WORKERS = 2
_BUTLERS_FILES = "LSST_RESOURCES_TMPDIR"
_NO_SKYMAP = "none"


@frozen(kw_only=True)
class BoxSetup:
    """What a night needs to be told before the box is opened."""

    plan: NightPlan
    camera_file: str
    pipelines: Mapping[str, object]
    """Contents of the two pipelines configurations, by variable."""
    reference: Stars | None
    """Stars of the reference catalogue."""
    skymap: Skymap | None = None
    """Of templates that are made in advance; None: there are none."""
    templates: Callable[[], Iterable[PatchTemplate]] = tuple
    furnish: Callable[[Path, NightPlan], tuple[tuple[PlanPart, ...], str]] | None = None
    """Adds a plan's templates to the central repository; returns the parts in which the night is played, and
    words."""
    workers: int = _WORKERS
    console: bool = False
    """Whether the console is served meanwhile."""
    pace: Pace = field(factory=Pace)
    """Of the work on frames before the night."""
    expiration: float = 3600.0
    """Seconds after which an announcement is too old."""
    orbits: str = ""
    """Content of a file of the orbits of known bodies, for workers; blank: there is none."""
    variables: Mapping[str, Mapping[str, str]] = field(factory=dict)
    """Settings of services that differ from those of the demo, by service."""


@frozen(kw_only=True)
class Box:
    """A running box."""

    setup: BoxSetup
    addresses: Addresses
    services: tuple[ServiceProcess, ...]
    """Processes that run the whole night, without the workers."""
    workers: tuple[ServiceProcess, ...]
    """Those of the first part."""
    parts: tuple[PlanPart, ...]
    """How the night is to be played, one part at least."""
    start_workers: Callable[[str], Awaitable[tuple[ServiceProcess, ...]]]
    """Starts others, for another skymap."""


@contextlib.asynccontextmanager
async def opened_box(
    setup: BoxSetup, display: Display, listener: Listener, results: Path | None = None
) -> AsyncIterator[Box]:
    """Start everything; on the way out, stop everything and leave nothing behind.

    If this is cancelled, nothing of the night counts: processes are killed, and work in threads is abandoned.

    Parameters
    ----------
    setup
        What is to be opened.
    display
        Shows it.
    listener
        Told of what processes log.
    results
        Where the night's results are to go: the logs of one that fails are kept beside it. None keeps none.

    Raises
    ------
    SimulatorError
        Raised if a server does not come up.
    ProcessFailedError
        Raised if a service does not.
    """
    folder = Path(tempfile.mkdtemp(prefix="prompt-processing-"))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(remove, folder)
        if results is not None:
            stack.push(lambda _kind, error, _trace: _keep_failure(folder, results, error, display))
        addresses = await paced(setup.pace, _start_servers, stack, folder, display, setup.pace)
        setup = _with_orbits(setup, folder)
        if setup.console:
            await _Launcher(stack, setup, addresses, display, listener).console()
        with within(addresses.s3), _temporary_files_in(folder):
            display.say("making a central repository with calibrations")
            setup.pace.tell = display.working
            plan = await paced(
                setup.pace,
                make_repository,
                addresses.repository,
                setup.plan,
                datastore=f"s3://{_CENTRAL}/",
                reference=setup.reference,
                skymap=setup.skymap,
                templates=setup.templates(),
            )
            # What cannot be calibrated is not played.
            setup = evolve(setup, plan=plan)
            parts = await paced(setup.pace, _furnish, setup, addresses.repository, display)
            yield await _Launcher(stack, setup, addresses, display, listener).start(parts)


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have Butlers write there what they then move; for good if the block fails: abandoned threads go on."""
    before = os.environ.get(_BUTLERS_FILES)
    os.environ[_BUTLERS_FILES] = str(folder)
    yield
    if before is None:
        del os.environ[_BUTLERS_FILES]
    else:
        os.environ[_BUTLERS_FILES] = before


def _with_orbits(setup: BoxSetup, folder: Path) -> BoxSetup:
    """Tell workers where the orbits of known bodies are."""
    if not setup.orbits:
        return setup
    file = folder / "MPCORB.DAT"
    file.write_text(setup.orbits, encoding="ascii")
    worker = {**setup.variables.get("worker", {}), "MP_ORBITS": str(file)}
    return evolve(setup, variables={**setup.variables, "worker": worker})


def _furnish(setup: BoxSetup, repository: Path, display: Display) -> tuple[PlanPart, ...]:
    if setup.furnish is None:
        skymap = _NO_SKYMAP if setup.skymap is None else SKYMAP
        return (PlanPart(visits=setup.plan.visits, skymap=skymap),)
    display.say("making templates of the night's own exposures")
    parts, text = setup.furnish(repository, setup.plan)
    display.say(text)
    return parts


def _keep_failure(folder: Path, results: Path, error: BaseException | None, display: Display) -> None:
    """Keep the logs of a night that failed, before its folder goes."""
    if error is None or isinstance(error, asyncio.CancelledError):
        return
    try:
        place = keep_failure(folder, results, error)
    except OSError as fault:
        display.say(f"the logs of the night could not be kept: {fault}")
        return
    if place is not None:
        display.say(f"the logs of the night, and why it failed, are kept in {place}")


def _start_servers(stack: contextlib.AsyncExitStack, folder: Path, display: Display, pace: Pace) -> Addresses:
    kafka = EmbeddedKafka()
    registry, redis = SchemaRegistry(), redis_server()
    _start(stack, kafka, pace)
    for topic in astuple(Topics()):
        kafka.create_topic(topic)
    store = ObjectStore(
        kafka.bootstrap_servers, image_bucket=_IMAGES, topic=Topics().bucket, other_buckets=(_CENTRAL,)
    )
    for service in (store, registry, redis):
        _start(stack, service, pace)
    register_alert_schema(registry.url, Topics().alerts)
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
        apdb=make_apdb(folder),
    )


def _start(stack: contextlib.AsyncExitStack, service: Service, pace: Pace) -> None:
    # What stops is closing the stack.
    with pace.unbroken():
        stack.callback(service.stop)
    service.start()


class _Launcher:
    """Starts the night's processes; the stack stops them."""

    def __init__(
        self,
        stack: contextlib.AsyncExitStack,
        setup: BoxSetup,
        addresses: Addresses,
        display: Display,
        listener: Listener,
    ) -> None:
        self._stack = stack
        self._setup = setup
        self._addresses = addresses
        self._display = display
        self._listener = listener
        self._workers = 0

    async def start(self, parts: tuple[PlanPart, ...]) -> Box:
        """Start everything, the workers for the first of the parts."""
        self._display.say("initializing the deployment")
        initializer = await self._start(
            "initializer", ["initialize", "--register-dataset-types"], self._settings()["initialize"]
        )
        services = [
            await self._start(name, [name], self._settings()[name])
            for name in ("raw-presence", "fan-out", "butler-writer")
        ]
        services.append(await self._start("courier", ["alerts", "courier"], self._settings()["alerts"]))
        code = await initializer.ended()
        if code != 0:
            raise ProcessFailedError(f"the initializer ended with exit code {code}:\n{initializer.tail()}")
        presence = await services[0].ready()
        self._addresses = evolve(self._addresses, presence=f"http://127.0.0.1:{presence['port']}/presence")
        workers = await self.workers(parts[0].skymap)
        for service in services:
            await service.ready()
        return Box(
            setup=self._setup,
            addresses=self._addresses,
            services=tuple(services),
            workers=workers,
            parts=parts,
            start_workers=self.workers,
        )

    async def console(self) -> None:
        """Serve the console, and say where once it is known; the night does not wait for it, nor need it."""
        console = await self._start(
            "console", ["console", "--parent", str(os.getpid())], self._settings()["console"]
        )
        saying = asyncio.create_task(self._say_where(console))
        self._stack.callback(saying.cancel)

    async def _say_where(self, console: ServiceProcess) -> None:
        try:
            address = (await console.ready())["address"]
        except ProcessFailedError as error:
            self._display.say(f"the console cannot be served: {error}")
        else:
            self._display.say(f"the night in the browser: {address}")

    async def workers(self, skymap: str) -> tuple[ServiceProcess, ...]:
        """Start workers that find their templates in a skymap."""
        self._display.say(f"starting {self._setup.workers} workers")
        settings = {**self._settings()["worker"], "SKYMAP": skymap}
        workers = []
        for _ in range(self._setup.workers):
            self._workers += 1
            workers.append(await self._start(f"worker {self._workers}", ["worker"], settings))
        for worker in workers:
            # All are told before the first one is waited for.
            self._stack.callback(worker.tell_to_stop)
        for worker in workers:
            await worker.ready()
        return tuple(workers)

    def _settings(self) -> Mapping[str, Mapping[str, str]]:
        setup = self._setup
        return variables(setup.plan, setup.camera_file, setup.pipelines, self._addresses, setup.expiration)

    async def _start(self, name: str, command: list[str], settings: Mapping[str, str]) -> ServiceProcess:
        service = ServiceProcess(
            name,
            command,
            {
                **process_environment(self._addresses),
                **settings,
                **self._setup.variables.get(command[0], {}),
            },
            self._addresses.folder / f"{name.replace(' ', '-')}.log",
            self._listener,
        )
        self._stack.push_async_exit(partial(_end, service))
        await service.start()
        return service


async def _end(
    service: ServiceProcess,
    kind: type[BaseException] | None,
    error: BaseException | None,  # noqa: ARG001 - what an exit stack gives
    trace: TracebackType | None,  # noqa: ARG001 - as above
) -> None:
    await (service.kill() if kind is asyncio.CancelledError else service.stop())
