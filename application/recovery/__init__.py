"""Finding out that a queue lost work, and publishing it again."""
