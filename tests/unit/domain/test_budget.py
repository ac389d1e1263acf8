"""The minute of a visit-detector against its budget."""

import pytest

from domain.work.budget import BudgetRow, against_budget, cause_of_delay

_SECONDS = {
    "prepare": 12.0,
    "wait": 20.0,
    "transfer": 9.0,
    "ingest": 0.5,
    "process": 40.0,
    "process.graph": 1.0,
    "process.run": 39.0,
    "process.task isr": 4.0,
    "process.task differenceImage": 26.0,
    "process.task associateApdb": 7.5,
    "process.task diaPipe": 1.0,
    "export": 3.0,
}


def test_stages_are_shared_out_among_the_parts_and_the_rest_is_slack() -> None:
    rows = against_budget(_SECONDS, 61.0)
    assert [(row.part, row.spent) for row in rows] == [
        ("waiting for a worker", 0.0),
        ("transfer", 9.0),
        ("ingest and graph", 1.5),
        ("ISR to DiaSources", 30.0),
        ("APDB and alerts", 8.5),
        ("slack", 12.0),
    ]
    assert sum(row.allowed for row in rows) == 60.0


def test_without_the_time_of_the_shutter_nothing_is_said_of_slack() -> None:
    assert [row.part for row in against_budget({}, None)] == [
        "waiting for a worker", "transfer", "ingest and graph", "ISR to DiaSources", "APDB and alerts"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        (against_budget(_SECONDS, 61.0), "slack: 12.0 s of 8 s"),
        ((BudgetRow("transfer", 7.0, 31.25), BudgetRow("slack", 8.0, 9.0)), "transfer: 31.2 s of 7 s"),
        (against_budget({"queue": 49.0, "transfer": 1.0}, 61.0), "waited 49.0 s for a free worker"),
        (against_budget({"earlier": 49.0}, 61.0), "earlier attempts: 49.0 s of 0 s"),
        (against_budget({}, None), ""),
        ((), ""),
    ],
)
def test_a_delay_is_laid_to_the_part_that_was_over_most(rows: tuple[BudgetRow, ...], cause: str) -> None:
    assert cause_of_delay(rows) == cause


def test_of_a_night_that_is_observed_again_the_years_since_are_no_part_of_a_minute() -> None:
    rows = against_budget({"transfer": 2.4e8, "ingest": 0.5}, 2.4e8 + 5)
    assert [row.spent for row in rows] == [0.0, 0.0, 0.5, 0.0, 0.0]
