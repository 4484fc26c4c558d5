"""The mask conformance kit: does a tool train and serve PaliGemma as the papers mean it?

`subject` is what is checked, `kit` runs the checks on it, `report` says what came out. It learns
nothing and changes no weight.
"""
