"""Rows: tables, and one file for each topic."""
