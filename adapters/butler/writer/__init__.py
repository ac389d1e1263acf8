"""The central registry, written in batches by the Butler Writer."""
