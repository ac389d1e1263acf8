"""What containers are put together from: providers that mypy checks, addresses, and what several use."""
