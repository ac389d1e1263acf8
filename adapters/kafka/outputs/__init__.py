"""Messages from workers to the Butler Writer and from it to the world, and the outbox beside them."""
