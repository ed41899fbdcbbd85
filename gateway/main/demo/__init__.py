"""`assent demo`."""
def demo() -> None:
    """Placeholder during bring-up."""
