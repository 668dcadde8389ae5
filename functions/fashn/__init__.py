"""The wire of FASHN's API: run, status, credits, as its official clients speak it."""
