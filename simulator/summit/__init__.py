"""The observatory's side: the plan of a night, announcements, and raws as they land."""
