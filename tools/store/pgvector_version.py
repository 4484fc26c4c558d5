"""Which pgvector versions are known to be unsafe, from its changelog."""


def version_advice(version: str) -> str | None:
    """A warning for a version with known faults, such as "0.8.1"; None when it has none."""
    number = tuple(int(part) for part in version.split(".") if part.isdigit())
    if number < (0, 8, 2):
        fault = "can overflow a buffer when it builds an HNSW index in parallel"
    elif number < (0, 8, 4):
        fault = "has faults in the vacuuming of indexes"
    else:
        return None
    return f"pgvector {version} {fault}: upgrade it to 0.8.4 or newer"
