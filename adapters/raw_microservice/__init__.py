"""The raw microservice as its clients see it."""
