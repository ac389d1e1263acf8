"""So that ``python -m entrypoints`` is the command line too."""

from entrypoints.cli import main

main(prog_name="prompt-processing")
