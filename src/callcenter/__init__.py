"""A government telephone hotline on Asterisk: routing, recording, call detail records, reports."""

__version__ = "0.1.0"
