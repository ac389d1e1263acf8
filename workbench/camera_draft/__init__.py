"""A camera file drafted from frames: what headers and pixels tell, and what a person must still say."""
