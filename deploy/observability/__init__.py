"""The dashboard, the alert rules and the page of metrics, made from the closed list of metrics.

``python -m deploy.observability`` writes them anew.
"""
