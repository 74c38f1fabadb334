"""The stories, by subject. Each was written before its first call."""
