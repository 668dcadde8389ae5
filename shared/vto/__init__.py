"""Virtual try-on between the functions and the container: the messages, the errors and the client."""
