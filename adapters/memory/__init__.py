"""Ports kept in memory: the fakes of the tests, and a whole night in one process.

They hold the same semantics as the real adapters, under the same contract
suites; time comes from the running event loop and the injected clock alone.
"""
