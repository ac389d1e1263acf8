"""The initializer: prepares the shared repository before a deployment's workers start."""
