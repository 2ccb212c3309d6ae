"""What the tests do in alice's windows, through the accessibility bus."""
