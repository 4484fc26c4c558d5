"""Closed questions of a dataset on frozen sides: drawn, asked and judged."""
