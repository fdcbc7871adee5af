"""fire(): what runs by itself, and the working off of what was stored."""

from handlers.jobs.schedules import SCHEDULES, Schedule, fire, plan
from handlers.jobs.worker import KINDS, Worker

__all__ = ["KINDS", "SCHEDULES", "Schedule", "Worker", "fire", "plan"]
