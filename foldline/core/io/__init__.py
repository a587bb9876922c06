"""What stages exchange: table schemas, files, label codes, derived seeds."""
