"""What the application needs from outside, each a Protocol whose docstring states its semantics.

A port's errors stand beside it; adapters translate their vendor's errors into
them and keep the cause. The in-memory adapters run under the same contract
suites as the real ones (``tests/contract_suites``).
"""
