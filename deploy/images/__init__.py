"""The images that everything else runs on: `make images` uses the official engines where they can be had, and else
builds them from packages; it builds the services' own. What it decided stands in build/images.env.

It knows how images come to be and nothing of what is done with them.
"""
