"""The ways to bisect: by values, by splice, by pass; faults, drift, and their ranking."""
