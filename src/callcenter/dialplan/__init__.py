"""Asterisk's configuration, dialplan and prompts: rendered from `asterisk/` and `dialplans/`, checked, put in place."""
