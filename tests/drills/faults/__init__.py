"""Injectors: each takes a site and how long it lasts, and undoes what only somebody outside could undo."""
