"""Slack's way in: commands, buttons, forms and App Home, by HTTP or Socket Mode, read and done alike."""

from handlers.slack.door import events
from handlers.slack.home import HomeCarrier
from handlers.slack.listeners import SlackDesk
from handlers.slack.socket import bolt
from handlers.slack.standing import Standings

__all__ = ["HomeCarrier", "SlackDesk", "Standings", "bolt", "events"]
