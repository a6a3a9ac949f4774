"""The bench as a graph: parts, cables, and the rules that they must keep."""
