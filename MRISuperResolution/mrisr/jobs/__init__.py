"""What can be asked for? A file for each task of the terminal, the panel and the console, and the worker that does them."""
