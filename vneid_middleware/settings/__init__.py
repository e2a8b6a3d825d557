"""Settings: one table of rows, read once, all problems reported together.

A plugin declares a :class:`SettingsTable`; the same rows serve the ini, ``vneid check``, masking and the reference page.
"""

from vneid_middleware.settings.reading import Settings, read_settings
from vneid_middleware.settings.source import Source, exposed_file
from vneid_middleware.settings.table import MASK, REQUIRED, Problem, Secret, Setting, SettingsTable

__all__ = ["MASK", "REQUIRED", "Problem", "Secret", "Setting", "Settings", "SettingsTable", "Source", "exposed_file",
           "read_settings"]
