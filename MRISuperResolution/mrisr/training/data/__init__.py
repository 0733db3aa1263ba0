"""Training pairs: scans in memory, degradations drawn at random, patches cut from them."""
