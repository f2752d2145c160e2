"""Shanhuo catalog: What can be sold, where it comes from, what to plant."""
