"""Machines that try to break Opsbell. ``make test`` runs a slice of each, ``make faults`` all of them."""
