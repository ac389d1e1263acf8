"""What a console looks at, in memory."""
