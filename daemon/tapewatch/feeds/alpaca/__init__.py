"""Alpaca, both sides of its websocket."""
