"""The gateway's Python client."""
