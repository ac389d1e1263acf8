"""One attempt at a visit-detector, in the worker's child: prepare, ingest, process, export, clean."""
