"""Local publish/subscribe between components: topics, filters, the broker."""
