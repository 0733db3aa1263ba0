"""Nodes of the scene: what is read from them, and what is put into them."""
