"""Running components: states, order, processes, users, logs of their output."""
