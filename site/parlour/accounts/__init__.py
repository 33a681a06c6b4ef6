"""Who is here: users, passwords, sessions and how people sign in."""
