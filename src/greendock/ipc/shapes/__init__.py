"""What the operations take, answer and may refuse, and who may call them: one file per family."""
