"""The console: a night in the browser, and the same as an HTTP API; it only reads."""
