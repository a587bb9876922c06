"""What predictions are worth: metrics (`metrics.measure`), and how sure they are (`intervals`)."""
