"""The four graphs: agent < group < training, and evaluation."""
