"""A model taken down to an older opset."""
