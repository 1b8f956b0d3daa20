"""Any websocket whose messages are JSON, as the config describes them."""
