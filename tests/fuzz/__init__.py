"""Fuzz targets: inputs that nobody would write, and what must hold for each of them. ``make fuzz`` runs them all."""
