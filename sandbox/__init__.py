"""Slack, Telegram and Stripe on this machine: honest local servers of their APIs, one clock, one page."""
