"""Kafka, S3, Redis and a schema registry on this machine."""
