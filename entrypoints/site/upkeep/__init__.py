"""What a site does by itself while it is idle: the work, its jobs, and the records of them."""
