"""Driving licences: the province's register, as officers keep it."""
