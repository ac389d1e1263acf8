"""What a workspace is told when it is made."""

import re
from pathlib import Path

from attrs import frozen

from domain.pipelines import CHANGE_TASKS

__all__ = ["WorkspaceSettings"]


@frozen(kw_only=True)
class WorkspaceSettings:
    """Where a workspace reads, works and writes, and what it exports."""

    central_repo: str
    """URI or label of the central repository that outputs go to."""
    read_repo: str
    """URI or label of the central repository that inputs come from."""
    folder: Path
    """Where local repositories are made, one folder for each attempt."""
    deployment: str
    """The deployment id."""
    skymap: str
    apdb_config: str
    """Given to pipelines as their parameter ``apdb_config``."""
    pipelines_root: Path = Path()
    """Where pipeline files with relative paths are."""
    padding: float = 30.0
    """Arcseconds around a detector within which inputs are loaded."""
    export_types: tuple[re.Pattern[str], ...] = (re.compile(".*"),)
    """Patterns; dataset types that match none as a whole are not exported."""
    export_outputs: bool = True
    """False keeps all outputs from the central repository (for trials)."""
    next_on_refusal: bool = False
    """Whether images that a pipeline refuses before its change are the next one's."""
    export_raws: bool = False
    """True registers raws, where they are, with the outputs made of them."""
    use_writer: bool = True
    """False writes the central registry at once, without the Butler Writer."""
    change_tasks: frozenset[str] = CHANGE_TASKS
    """Tasks that make permanent changes, by full class name."""
    retry_delay: float = 0.0
    """Seconds until a central repository that cannot be reached is tried again; 0: it is not."""
    remembered: float = 60.0
    """Seconds for which an answer of the central repository that ends a visit is not asked for again."""
    local_config: str | None = None
    """Butler configuration to merge into that of local repositories."""
