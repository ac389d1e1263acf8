"""The images: tested as text always, and tried without an engine by ``make container-trial``."""
