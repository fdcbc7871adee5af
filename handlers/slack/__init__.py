"""Slack's way in: commands, buttons, forms and App Home, by HTTP or Socket Mode, through the same four listeners."""

from handlers.slack.door import events
from handlers.slack.listeners import SlackDesk
from handlers.slack.standing import Standings

__all__ = ["SlackDesk", "Standings", "events"]
