"""What a night on this machine leaves: database, alerts, cutouts, and how much of the truth was found."""
