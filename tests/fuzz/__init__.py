"""Bytes that nobody should send, to every way in. ``make test`` runs a slice, ``make fuzz`` a million each."""
