"""Where is it computed? Devices, memory, and tiles that fit it."""
