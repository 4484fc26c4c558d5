"""Attacks by articles on who reads them by machine: their rows, and the head that knows them."""
