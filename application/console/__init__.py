"""What the console shows: how a night stands, and what is known of one visit-detector."""
