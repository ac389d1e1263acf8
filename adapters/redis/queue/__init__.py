"""The work queue on Redis: publisher, consumers, upkeep, control notes, dead announcements."""
