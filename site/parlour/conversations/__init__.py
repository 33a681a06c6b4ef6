"""Where people talk: conversations, and who belongs to them."""
