"""What the services say: a room for each subject. The registry of all of them is `contracts.events`."""
