"""The sub-commands of `cytoscribe`, one a module, registered in pyproject.toml.

A command imports the model and the database when it runs, so that its help is quick. The first
line of its module's docstring is its line in `cytoscribe --help`.
"""
