"""Image store, notifications and raw microservice, in memory."""
