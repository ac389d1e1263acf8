"""The shared registry, written in batches by the Butler Writer."""
