"""A module beside a code.py."""

WORDS = "from beside"
