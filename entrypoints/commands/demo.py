"""The demo: a short simulated night, from announcements to outputs, on one machine."""

import importlib
import time
from pathlib import Path

import click

from domain.times import UtcSeconds
from entrypoints.containers.observatory import load_camera
from entrypoints.observatory.box import BoxSetup
from entrypoints.observatory.findings import Examination
from entrypoints.observatory.night import Observation, observe
from entrypoints.observatory.options import PIPELINES, night_options, results_folder
from entrypoints.saying import say
from entrypoints.screen import Screen
from simulator.summit.demo import Demo, demo_plan, known_orbit
from workbench.night.orbits import why_no_bodies

__all__ = ["command"]


@click.command(name="demo")
@click.option("--seed", default=1, show_default=True, help="Of everything random in the simulated sky.")
@click.option(
    "--camera",
    "camera_file",
    default="simulated",
    show_default=True,
    help="Camera file, or a shipped one's name.",
)
@click.option(
    "--site",
    is_flag=False,
    flag_value="",
    metavar="[DIR]",
    help="Make a site in DIR (else in a temporary folder) instead, and take two nights into it; of the other"
    " options --seed alone counts.",
)
@night_options(speed=3.0)
def command(
    *,
    seed: int,
    camera_file: str,
    site: str | None,
    speed: float,
    workers: int,
    pipelines: str,
    results: Path | None,
    quiet: bool,
    with_console: bool,
) -> None:
    """Observe a short simulated night on this machine.

    Starts Kafka, S3, a schema registry, Redis, and the services of this
    project; makes a central repository with calibrations, a reference
    catalogue, and templates unless single images are all that is asked for;
    then plays three visits. It ends by itself with a summary of what was found
    of the sources put into the sky, and its exit code is 0 only if every
    visit-detector completed.

    With --site, two nights of a site on one server: the second one finds a
    supernova by the templates of the first, in about two minutes.
    """
    if site is not None:
        # By name: sites are built on these commands.
        nights = importlib.import_module("entrypoints.site.nights.demo")
        raise SystemExit(nights.site_demo(Path(site) if site else None, seed))
    night = demo_plan(load_camera(camera_file), seed=seed, now=UtcSeconds(time.time()))
    setup = BoxSetup(
        plan=night.plan,
        camera_file=camera_file,
        pipelines=PIPELINES[pipelines],
        reference=night.sky.stars,
        skymap=night.skymap if pipelines == "ap-pipe" else None,
        templates=night.templates if pipelines == "ap-pipe" else tuple,
        workers=workers,
        console=with_console,
        orbits=_orbits(night),
    )
    if reason := why_no_bodies():
        say(f"no known body will be named: {reason}")
    folder = results_folder(results, night.plan.camera.instrument)
    raise SystemExit(
        observe(
            Observation(
                setup=setup,
                speed=speed,
                results=folder,
                examination=Examination(truth=night.source.truth),
                quiet=quiet,
            ),
            Screen(),
        )
    )


def _orbits(night: Demo) -> str:
    """Publish the orbit of one mover, if this machine can follow it: that one is a known body."""
    return "" if why_no_bodies() else known_orbit(night)
