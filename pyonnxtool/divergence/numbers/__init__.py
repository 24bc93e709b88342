"""Numbers that a format cannot hold: where NaN and Inf start, what a narrower float loses."""
