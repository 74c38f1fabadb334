"""Fault drills: a real hotline under load, something breaks, and an oracle says whether a call was lost or altered."""
