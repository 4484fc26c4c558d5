"""The regression gate: a few hundred rows, beside what was made of them before."""
