"""A static web app on this machine: the built studio page, and the configuration it reads."""
