"""Evaluation: descriptions, retrieval, routing, grounding."""
