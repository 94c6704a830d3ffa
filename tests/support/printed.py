"""Text for terminals without its line breaks, which depend on the width and on paths."""


def spaces(text):
    """One space between words, on one line."""
    return " ".join(text.split())
