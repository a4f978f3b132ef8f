"""The HTTP program: the JSON API under /api/v1, health, metrics and the console."""
