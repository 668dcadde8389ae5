"""The test processes of `./studio test`, and which test files they read."""
