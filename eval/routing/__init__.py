"""How well questions are routed to tools, and the training of what routes them."""
