"""What can be wrong with a publication; each message is for the person who publishes."""


class PublishError(Exception):
    """Nothing `latest` points to has been changed; the message says what to do."""
