"""Kafka: what the observatory announces, and what the image bucket tells."""
