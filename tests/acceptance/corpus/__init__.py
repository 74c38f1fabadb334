"""The conformance corpus: call stories on a real Asterisk, each with what a person would say happened (stories/)."""
