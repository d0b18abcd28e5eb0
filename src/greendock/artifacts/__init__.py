"""Files of components: taken from local folders, checked, unpacked, made readable."""
