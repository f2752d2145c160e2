"""Shanhuo notify: Each person told once, live pages up to date."""
