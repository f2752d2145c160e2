"""Shanhuo orders: Nothing oversold, nothing lost, parcels out."""
