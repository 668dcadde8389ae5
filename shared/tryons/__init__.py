"""Try-ons as stored: one kind of document and job, whichever route they were requested by."""
