"""The stores of histories and claims on Redis."""
