"""Pairs of values beyond structure: by the user's word, by what they hold, put right by values."""
