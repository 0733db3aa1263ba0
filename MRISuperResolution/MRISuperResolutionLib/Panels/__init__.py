"""The sections of the panel, one a file, and what they share."""
