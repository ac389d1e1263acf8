"""Notifications of the image bucket."""
