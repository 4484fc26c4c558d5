"""Turns, models and the agent that answers; `agent.py` holds the main path."""
