"""The raw microservice's own HTTP server."""
