"""What a deployment relies on in the central repository: init-outputs, runs, chain."""
