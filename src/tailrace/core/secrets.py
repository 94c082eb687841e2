"""Which settings must never be shown, by their names."""

import re

REDACTED = "***"

_SECRET = re.compile(
    r"password|passwd|secret|token|credential|jaas|[._]pem\b|private|oauthbearer[._]config|database_url", re.I
)


def is_secret(name: str) -> bool:
    """Whether a setting's value must never be shown."""
    return bool(_SECRET.search(name))
