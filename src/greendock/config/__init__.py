"""What is configured: component configuration with time stamps, and the core's own settings."""
