"""Ways in: commands, webhooks, jobs and the front door."""
