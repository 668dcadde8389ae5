"""Tables that people send: CSV with any delimiter and encoding, and `.xlsx` workbooks."""
