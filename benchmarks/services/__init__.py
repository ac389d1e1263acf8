"""The fan-out, the raw microservice and the writer under load."""
