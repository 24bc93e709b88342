"""Inside If, Loop and Scan."""
