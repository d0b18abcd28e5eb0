"""What components are: the recipe format 2020-01-25, read, checked and filled in."""
