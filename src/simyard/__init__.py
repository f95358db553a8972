"""Simyard runs simulation codes for people, and never loses anybody's run."""

__version__ = "0.1.0"
