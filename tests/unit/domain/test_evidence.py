"""What is new in a night, by label and rank."""

import pytest

from domain.evidence import Label, findings_of, tonight
from domain.results.sources import DiaSource
from tests.contract_suites.source_archive import a_source


def _seen(number: int, exposure: int, **changes: float) -> DiaSource:
    star = {
        "template_flux": 0.0,
        "reliability": float("nan"),
        "flux": 5000.0,
        "flux_err": 100.0,
        "snr": 50.0,
        "ra_err": 1e-5,
        "dec_err": 1e-5,
    }
    return a_source(number, visit=exposure, mjd=61000.2 + exposure / 100, **{**star, **changes})


def _others(exposures: int) -> list[DiaSource]:
    """See to it that the detector has had some exposures."""
    return [_seen(900 + i, i, object_id=900 + i, ra=140.0 + i, snr=6.0) for i in range(exposures)]


@pytest.mark.parametrize(
    ("seen", "label", "reason"),
    [
        ([{}, {}], Label.NEW, "nothing in the template, now 22.2 mag"),
        ([{"template_flux": 2e4}, {"template_flux": 2e4}], Label.VARIABLE, "a star of 20.6 mag"),
        ([{"template_flux": 9e4}, {"template_flux": 9e4}], Label.ARTEFACT, "changes by 6% only"),
        ([{"snr": 9.0}], Label.ARTEFACT, "faint, and not seen again"),
        ([{"snr": 11.0}], Label.NEW, "seen once in 4 exposures"),
        ([{"snr": 19.0, "template_flux": 2e4}], Label.ARTEFACT, "faint, and not seen again"),
        ([{"flux": -500.0}, {"flux": -500.0}], Label.ARTEFACT, "fainter than the template"),
        ([{"reliability": 0.2}, {"reliability": 0.1}], Label.ARTEFACT, "reliability 0.20"),
        ([{"reliability": 0.2}, {"reliability": 0.9}], Label.NEW, "seen 2 times"),
        (
            [{"reliability": 0.1, "flux": -5000.0, "template_flux": 2e4} for _ in range(2)],
            Label.VARIABLE,
            "changed by -5,000 to -5,000 nJy",
        ),
    ],
)
def test_evidence_has_a_label_and_reasons(seen: list[dict[str, float]], label: Label, reason: str) -> None:
    sources = [_seen(i, i, **one) for i, one in enumerate(seen)]
    (found,) = (one for one in findings_of([*sources, *_others(4)]) if one.object_id == 11)
    assert found.label is label
    assert any(reason in one for one in found.reasons), found.reasons


def test_what_is_in_doubt_comes_last_and_a_mover_takes_its_sightings() -> None:
    mover = [_seen(i, i, object_id=20 + i, ra=150.0 + i / 500, snr=20.0) for i in range(4)]
    stars = [
        _seen(10 + i, i, object_id=13, ra=151.0 - i * 1e-6, dec=-3.0, template_flux=2e4, snr=15.0)
        for i in range(4)
    ]
    poor = [_seen(30, 0, object_id=14, ra=152.0, template_flux=1e6, snr=300.0)]
    found = findings_of([*poor, *stars, *mover])
    assert [one.label for one in found] == [Label.TRACKLET, Label.VARIABLE, Label.ARTEFACT]
    assert [one.object_id for one in found] == [0, 13, 14]
    assert found[0].tracklet is not None
    assert found[0].position == (found[0].tracklet.ra, found[0].tracklet.dec)


def test_of_several_nights_the_last_is_judged_and_what_is_old_counts_less() -> None:
    old = [_seen(1, 0, object_id=11), _seen(2, 200, object_id=11)]
    gone, new = _seen(3, 0, object_id=12, ra=151.0), _seen(4, 200, object_id=13, ra=152.0)
    found = tonight([*old, gone, new])
    assert [one.object_id for one in found] == [13, 11]
    assert "seen in an earlier night" in found[1].reasons
    assert tonight([]) == []


def test_a_known_body_is_named_whether_it_is_linked_or_seen_once() -> None:
    ceres, other = int.from_bytes(b"00001"), int.from_bytes(b"K19A12B")
    mover = [_seen(i, i, object_id=0, body_id=ceres, ra=150.0 + i / 500, snr=20.0) for i in range(4)]
    # Of one sighting it is not known who it is.
    mover[2] = _seen(2, 2, object_id=22, ra=150.0 + 2 / 500, snr=20.0)
    once = _seen(30, 0, object_id=0, body_id=other, ra=152.0, snr=12.0)
    found = findings_of([*mover, once])
    assert [(one.label, one.body, len(one.sightings)) for one in found] == [
        (Label.KNOWN, "(1)", 4),
        (Label.KNOWN, "2019 AB12", 1),
    ]
    assert found[0].tracklet is not None
    assert found[1].tracklet is None
    assert {one.object_id for one in found} == {0}
    assert found[0].reasons[0] == "(1), seen 4 times where it was predicted"
