"""Telegram: texts and how they are sent."""
