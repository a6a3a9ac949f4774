"""The quick way of light whose settings come on demand."""
