"""How two models are run side by side, compared and judged."""
