"""Alerts that were laid down: sent if what they tell of is stored, else discarded."""
