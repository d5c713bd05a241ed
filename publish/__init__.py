"""`make publish`: puts a version where people without a checkout can launch it, in any region."""

from pathlib import Path

PROJECT = Path(__file__).parents[1]


class PublishError(Exception):
    """A publication cannot go on; the message says why to the person who publishes."""
