"""Raw images: exposures, keys in the object store, and what is expected of a visit."""
