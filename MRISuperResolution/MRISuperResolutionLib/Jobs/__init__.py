"""What the worker is asked for, and how it is driven."""
