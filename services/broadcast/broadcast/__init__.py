"""Shanhuo broadcast: What is on screen now, and who is watching."""
