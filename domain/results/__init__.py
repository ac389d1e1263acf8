"""What a night leaves for people to look at: how its work stands, its images, and what was found in them."""
