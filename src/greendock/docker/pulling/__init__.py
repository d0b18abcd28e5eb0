"""Images onto the device: look, judge the space, fetch, try again."""
