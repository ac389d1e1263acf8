"""What moves: sightings of one night linked into tracklets."""
