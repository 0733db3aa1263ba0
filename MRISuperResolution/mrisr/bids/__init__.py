"""Data sets of the Brain Imaging Data Structure (BIDS): read, chosen from, and written as derivatives."""
