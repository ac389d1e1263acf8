"""The Butler behind the ports: a worker's local repository, and the shared one.

Formatters, storage classes and tasks are known here by the names that
repositories and pipeline files hold, never by import.
"""
