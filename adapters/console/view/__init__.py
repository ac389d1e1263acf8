"""From what is known of a night to what a page shows of it."""
