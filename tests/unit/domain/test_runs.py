import datetime
import random
import re

import pytest
from attrs import asdict, evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.runs import (
    DeploymentFacts,
    chain,
    day_of_processing,
    deployment_id,
    explain,
    input_collections,
    output_run,
    preload_run,
    serves_night,
    template_run,
)
from domain.times import UtcSeconds, tai_from_utc
from tests.strategies.visits import texts

facts_of_a_kind = st.dictionaries(texts(), texts(), max_size=4)
KINDS = ["packages", "code", "pipelines", "maps", "apdb"]
facts = st.builds(
    DeploymentFacts,
    packages=facts_of_a_kind,
    code=facts_of_a_kind,
    pipelines=facts_of_a_kind,
    maps=facts_of_a_kind,
    apdb=facts_of_a_kind,
)


def utc(text: str) -> UtcSeconds:
    return UtcSeconds(datetime.datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-03-14T11:59:22.9+00:00", "2026-03-13"),
        ("2026-03-14T11:59:23.1+00:00", "2026-03-14"),
        ("2026-03-14T12:00:00+00:00", "2026-03-14"),
        ("2026-01-01T00:00:00+00:00", "2025-12-31"),
    ],
)
def test_the_day_changes_at_noon_tai(instant: str, day: str) -> None:
    assert day_of_processing(utc(instant)) == day


@given(st.floats(1e9, 3e9).map(UtcSeconds))
def test_the_day_is_the_tai_date_twelve_hours_ago(now: UtcSeconds) -> None:
    start = datetime.datetime.fromisoformat(f"{day_of_processing(now)}T12:00:00+00:00").timestamp()
    assert 0 <= tai_from_utc(now) - start < 86_400


def test_collections_are_those_of_the_contract() -> None:
    day = chain("LSSTCam", "2026-03-13")
    identity = "pipelines-0123abc-config-4567def"
    assert day == "LSSTCam/prompt/output-2026-03-13"
    assert output_run(day, "$DIR/LSSTCam/ApPipe.yaml", identity) == f"{day}/ApPipe/{identity}"
    assert preload_run(day, identity) == f"{day}/NoPipeline/{identity}"
    assert set(asdict(input_collections("LSSTCam")).values()) == {
        "LSSTCam/calib",
        "LSSTCam/defaults",
        "refcats",
        "LSSTCam/templates",
        "skymaps",
    }


@given(facts)
def test_a_deployment_id_has_its_form(facts: DeploymentFacts) -> None:
    assert re.fullmatch("pipelines-[0-9a-f]{7}-config-[0-9a-f]{7}", deployment_id(facts))


@given(facts, st.randoms())
def test_the_order_of_facts_means_nothing(facts: DeploymentFacts, order: random.Random) -> None:
    shuffled = {}
    for kind in KINDS:
        items = list(getattr(facts, kind).items())
        order.shuffle(items)
        shuffled[kind] = dict(items)
    assert deployment_id(DeploymentFacts(**shuffled)) == deployment_id(facts)
    assert explain(DeploymentFacts(**shuffled)) == explain(facts)


@given(facts, st.sampled_from(KINDS), texts(), texts())
def test_any_other_fact_changes_its_half_of_the_id(
    facts: DeploymentFacts, kind: str, name: str, value: str
) -> None:
    before = getattr(facts, kind)
    assume(before.get(name) != value)
    other = evolve(facts, **{kind: {**before, name: value}})
    old, new = (deployment_id(each).partition("-config-") for each in (facts, other))
    changed = 0 if kind in {"packages", "code"} else 2
    assert old[changed] != new[changed]
    assert old[2 - changed] == new[2 - changed]


@given(texts(blank=False), texts(blank=False))
def test_a_fact_of_one_kind_is_none_of_another(name: str, value: str) -> None:
    assert len({deployment_id(DeploymentFacts(**{kind: {name: value}})) for kind in KINDS}) == len(KINDS)


def test_the_explanation_shows_versions_and_hides_what_is_configured() -> None:
    facts = DeploymentFacts(packages={"numpy": "2.3.5"}, apdb={"uri": "postgresql://user:secret@host/db"})
    explanation = explain(facts)
    assert explanation.startswith(deployment_id(facts))
    assert "'numpy' '2.3.5'" in explanation
    assert "secret" not in explanation


def test_visits_are_compared_with_older_nights_alone() -> None:
    run = template_run("SimCam", "20260314T101500Z", 20260313)
    assert run == "SimCam/templates/20260314T101500Z-until-20260313"
    assert serves_night(run, 20260314)
    assert not serves_night(run, 20260313)
    assert not serves_night(run, 20260301)
    assert serves_night(template_run("SimCam", "survey", None), 20260301)
    assert serves_night("SimCam/templates", 20260301)
