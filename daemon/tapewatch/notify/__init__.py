"""Alerts to people: one delivery worker per receiver, one module per kind of receiver."""
