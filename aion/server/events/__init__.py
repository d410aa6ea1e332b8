"""What happened, seen from outside: stories, feedback, figures, exports, retention."""
