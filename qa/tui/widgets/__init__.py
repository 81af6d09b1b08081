"""One file for each region of the screen."""
