"""The settings of a new site, as people find them."""

from entrypoints.settings.site import SiteSettings

__all__ = ["settings_text"]

_TEXT = """\
# Settings of this site, read when `prompt-processing site run` begins. What is left out has the value that it
# has here. Seconds are of the wall clock.

# Folders in which frames appear, each with all that is below it; relative ones are beside this file.
# Frames are copied: what is in these folders stays as it is.
incoming: [incoming]

# true: look into the folders again and again. Network disks (NFS, SMB) tell nobody of new files.
polling: {polling}

# A file counts as whole when it has not changed for so long.
quiet_s: {quiet}

# Exposures of each visit; 0: not known in advance, those that come shortly after each other.
snaps: {snaps}

# Frames whose exposure ended longer ago are processed after newer ones.
old_after_s: {old_after}

# How many detectors are processed at once; 0: as many as there are cores.
workers: {workers}

# ap-pipe: to differences and alerts where there are templates, else to the sources of the single image;
# single-frame: to the sources of the single image. Or pipelines of your own, as lists of nodes:
#   pipelines:
#     preprocessing: [{{pipelines: []}}]
#     main: [{{pipelines: [/home/me/MyPipeline.yaml]}}]
pipelines: {pipelines}

# The skymap of the templates; blank: that of `prompt-processing templates`.
skymap: "{skymap}"

# An attempt on one detector of one visit may take so long; it is made up to five times.
attempt_timeout_s: {attempt_timeout}

# A process for images that has had none for so long is ended (it holds some 400 MB), and started again for
# the next one; 0: never.
child_idle_s: {child_idle}

# So long the images under way may take to end when the site is stopped; what is not finished by then is
# done when it runs again.
grace_s: {grace}

# So many nights before this one are kept: raws; images, not what was measured on them. 0: all. Nothing is
# removed that was not processed to the end.
keep_raws_days: {keep_raws}
keep_images_days: {keep_images}

# What the site does by itself once no frame has come for upkeep_idle_s and nothing waits: masters of new
# biases, darks and flats, which are used from their night on; what moved in the last night, as a file
# for the Minor Planet Center; templates of the nights before this one; the removal of what is kept no
# longer. []: nothing.
upkeep: [{upkeep}]
upkeep_idle_s: {upkeep_idle}

# Metrics for Prometheus and probes (/metrics, /healthz, /readyz). Port 0 is any free one, which the log
# names.
metrics_host: {metrics_host}
metrics_port: {metrics_port}

# The console, a night in the browser, is served to this machine while the site runs. Port 0 is any free one,
# which is said at the start; a port of its own keeps bookmarks.
console: {console}
console_port: {console_port}

# DEBUG, INFO, WARNING or ERROR; the logs are a file for each day in logs/.
log_level: {log_level}

# Stars by which images are calibrated stand in the repository; others are added, at any time, by
#   prompt-processing reference-catalogue add FILES --into central --columns NAME
"""


def settings_text(pipelines: str) -> str:
    """Write the file of a new site; `pipelines` is one of the names that it lists."""
    default = SiteSettings()
    return _TEXT.format(
        polling=str(default.polling).lower(),
        quiet=f"{default.quiet_s:g}",
        snaps=default.snaps,
        old_after=f"{default.old_after_s:g}",
        workers=default.workers,
        pipelines=pipelines,
        skymap=default.skymap,
        attempt_timeout=f"{default.attempt_timeout_s:g}",
        child_idle=f"{default.child_idle_s:g}",
        grace=f"{default.grace_s:g}",
        keep_raws=default.keep_raws_days,
        keep_images=default.keep_images_days,
        upkeep=", ".join(kind.value for kind in default.upkeep),
        upkeep_idle=f"{default.upkeep_idle_s:g}",
        metrics_host=default.metrics_host,
        metrics_port=default.metrics_port,
        console=str(default.console).lower(),
        console_port=default.console_port,
        log_level=default.log_level,
    )
