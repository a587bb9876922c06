"""The data viewer: tables are gathered (`gathering`), drawn from and packed (`page`)."""
