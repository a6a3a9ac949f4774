"""The steps that bring a BB84 bench up, in the order of BENCHES; one module each."""
