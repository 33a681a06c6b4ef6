"""What a person decides for themselves, and the page on which they do."""
