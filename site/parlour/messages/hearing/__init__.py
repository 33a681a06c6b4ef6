"""Hearing a recording: who may, and how far they have come."""
