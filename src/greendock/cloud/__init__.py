"""What the core says to and hears from the cloud, or a broker that stands in for it."""
