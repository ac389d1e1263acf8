"""The settings of each process of a night in memory, as production would read them."""

from entrypoints.containers.memory.settings import ENVIRONMENT
from entrypoints.settings.environment import read_settings
from entrypoints.settings.reconcile import ReconcileSettings
from initializer.settings import InitializerSettings

__all__ = ["ENVIRONMENT", "INITIALIZER", "RECONCILE"]

INITIALIZER = read_settings(InitializerSettings, ENVIRONMENT)
RECONCILE = read_settings(ReconcileSettings, ENVIRONMENT)
