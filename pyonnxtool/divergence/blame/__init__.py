"""Who is to blame: the node, the reason, what float64 says, what is around it."""
