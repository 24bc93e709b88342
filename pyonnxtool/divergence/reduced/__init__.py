"""A model cut down to what still shows the bug, and the folder that it is written to."""
