"""A PyTorch network as one side: its values and weights under the exported model's names."""
