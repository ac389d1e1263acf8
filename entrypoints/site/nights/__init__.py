"""Nights of the past, taken into a site."""
