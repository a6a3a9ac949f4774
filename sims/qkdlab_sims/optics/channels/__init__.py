"""What lies between sender and receiver: fibre, neighbours in the fibre, open air."""
