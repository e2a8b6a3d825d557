"""A provincial public-service portal in Django."""
