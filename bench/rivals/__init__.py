"""What a user would pick instead of this provider, in as few lines as do the same."""
