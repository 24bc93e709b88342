"""Edits that a user asks for, one file each: the new model is what was said, whatever it computes.

The weights are not read, and nothing runs unless a check is asked for.
"""
