"""Attempts at a visit-detector, their outcomes, and what follows from them."""
