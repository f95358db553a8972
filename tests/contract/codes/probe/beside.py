"""A module beside a code.py."""
WORDS = u"from beside"
