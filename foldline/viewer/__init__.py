"""`foldline view`: all rows on one HTML page."""
