"""Finding and choosing inputs in the central repository, and the pipelines that ask for them."""
