"""Random tampering with a small real site: whatever is changed, `callcenter recordings verify` must find it."""
