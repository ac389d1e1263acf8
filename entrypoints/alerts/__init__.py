"""The commands for alerts that wait in the outbox."""
