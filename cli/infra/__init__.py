"""Checks of `infra/` that need no Azure: constants, types, parameters, and agreement with the app."""
