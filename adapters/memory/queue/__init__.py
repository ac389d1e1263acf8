"""The work queue and its control stream, in memory."""
