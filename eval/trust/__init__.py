"""How far answers can be trusted: calibration, risk against coverage, images of no known kind."""
