"""Slack: blocks and how they are sent."""
