"""Probes that tempt the agent to claim what it cannot know, and a card of how it held."""
