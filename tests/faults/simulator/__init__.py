"""The simulator: several replicas of the real desk on one event loop with a time of its own, and everything against them.

Real: domain, storage with its SQL, Delivery, Worker, Desk, webhook doors, sources and carriers. Scripted: Slack,
Telegram and Stripe (below the clients' own code), the people, the network, the clock. One seed decides who runs when,
what breaks and who dies where; the same seed is the same run.
"""
