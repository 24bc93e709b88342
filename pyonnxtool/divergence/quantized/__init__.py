"""Quantized candidates: what their integers stand for, and what their steps explain."""
