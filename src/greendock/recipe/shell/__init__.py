"""What can be told of a shell script by reading it. Pure; runs nothing, expands nothing."""
