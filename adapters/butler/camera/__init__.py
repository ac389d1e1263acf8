"""Reading raws: with this project's own reader, or with Rubin's stack where it is installed."""
