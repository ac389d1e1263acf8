"""A Kubernetes cluster of one node, with KEDA, in namespaces of its own: ``make cluster-trial``."""
