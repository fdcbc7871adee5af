"""Servers and load for the benchmarks of requests."""
