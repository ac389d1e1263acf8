"""What people read: results of a night."""
