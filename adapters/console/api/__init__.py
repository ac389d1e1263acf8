"""The HTTP API under the pages."""
