"""Corrections of professionals on their way into training: agreed on, exported, asked for."""
