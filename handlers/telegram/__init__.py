"""Telegram's way in: updates stored before they are answered, and worked off one by one in each chat."""

from handlers.telegram.door import keep, webhook
from handlers.telegram.updates import TelegramUpdates

__all__ = ["TelegramUpdates", "keep", "webhook"]
