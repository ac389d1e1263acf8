"""An observatory in a box: a sky, a camera, a summit, and the servers that a night talks to.

Everything listens on 127.0.0.1, on ports that the system chooses, and is gone
after `stop`.
"""
