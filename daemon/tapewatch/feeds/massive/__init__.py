"""Massive, formerly Polygon.io."""
