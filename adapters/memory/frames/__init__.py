"""Incoming files, their reader, keeper and journal, in memory."""
