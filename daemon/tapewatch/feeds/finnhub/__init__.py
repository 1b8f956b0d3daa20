"""Finnhub: its websocket."""
