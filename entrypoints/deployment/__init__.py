"""Commands about a deployment: what it would do."""
