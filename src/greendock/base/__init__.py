"""What every other package may use: errors, events, clock, durable files, versions, logs."""
