"""Virtual try-on between the functions and the container: what goes over the wire, and what can go wrong."""
