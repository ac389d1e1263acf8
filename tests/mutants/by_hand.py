"""Mutants that a person wrote down: those that lived once, and those that change nothing."""

_HISTORY = "domain/work/history.py"
_SCIENCE = "application/worker/process_visit.py"

KNOWN = (
    (_HISTORY, "last.lease == lease and last.worker != worker", "False"),
    (_HISTORY, "self.claim.exposures | frozenset(exposures)", "frozenset(exposures)"),
    (_SCIENCE, "return Cancelled(superseded=True)", "return Cancelled()"),
    (_SCIENCE, "if lease.latest_revision > lease.revision:", "if False:"),
    (
        "application/worker/work.py",
        "hold(asked + self._policy.lease)",
        "hold(loop.time() + self._policy.lease)",
    ),
    (
        "application/reconcile.py",
        "if not reason and await self._ledger.has_claim",
        "if False and await self._ledger.has_claim",
    ),
    (
        "application/worker/find_raws.py",
        "days = (day_obs_of(self._clock.utc()), day_obs_of(utc_from_tai(work.visit.start_time)))",
        "days = (day_obs_of(self._clock.utc()),)",
    ),
    ("adapters/kafka/outputs/output_notifier.py", "producer.purge()", "pass"),
)
"""Module, text that it has once, and what takes its place: each is killed."""

_STATUS = 'status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)'
_SKYMAP = 'records.add(reader.query_dimension_records("skymap", skymap=skymap, explain=False))'
_OBJECT = "return 0 if self.tracklet or self.label is Label.KNOWN else self.sightings[0].object_id"
_OFFSET = "return offset.total_seconds() if offset is not None else 0.0"

EQUIVALENT = {
    (
        "adapters/butler/shared/outages.py",
        _STATUS,
        _STATUS.replace("0)", "1)"),
    ): "neither is a status of HTTP",
    (
        "adapters/butler/predicted/input_cache.py",
        _SKYMAP,
        _SKYMAP.replace("False", "True"),
    ): "the Butler explains an empty answer in its log; a sky map that is registered is no empty answer",
    (
        "domain/headers/header.py",
        "_TURN: Final = (0.0, math.nextafter(360.0, 0.0))",
        "_TURN: Final = (0.0, math.nextafter(360.0, 1.0))",
    ): "both are below 360, and so is the next number on the way there",
    (
        "domain/evidence.py",
        _OBJECT,
        _OBJECT.replace("is Label", "<= Label"),
    ): "labels are compared as text, and no other comes before it",
    (
        "domain/headers/instants.py",
        _OFFSET,
        _OFFSET.replace("0.0", "1.0"),
    ): "a zone has an offset at each moment; only the type says that it may have none",
}
"""Module, the line and what becomes of it: why no test can tell the difference."""
