"""Models of every kind under one interface: `kinds.fit`, `kinds.save` and `kinds.load`."""
