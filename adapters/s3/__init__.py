"""The bucket of raw images, over S3."""
