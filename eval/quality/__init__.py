"""The key measures on one page: accuracy, time, satisfaction, retrieval and routing, cost."""
