"""Files of alerts: the outbox beside the outputs, and a folder in place of a broker."""
