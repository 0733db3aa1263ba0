"""What do networks share? Their parts, what they are shown, and how they run as models. Modules know tensors only."""
