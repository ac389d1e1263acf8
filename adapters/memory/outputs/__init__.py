"""The central repository, the writer's topics and the initializer's outputs, in memory."""
