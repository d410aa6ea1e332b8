"""What happened: the kinds of events and how an answer becomes events."""
