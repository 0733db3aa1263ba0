"""How good is it? Scores on protocols, on the own scan and against a reference; calibration; what to know beforehand."""
