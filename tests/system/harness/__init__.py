"""What the system tests are made with: the runner, and handles on the machine they run in."""
