"""Sub-commands of `cytoscribe eval`; `group` collects them."""
