"""What is new: my conversations, and the page that shows one beside the others."""
