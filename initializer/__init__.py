"""The initializer: prepares the central repository before a deployment's workers start."""
