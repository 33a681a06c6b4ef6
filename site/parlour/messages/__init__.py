"""What is said: posting, history, and the marks that a message may use."""
