"""Models of every kind under one interface: `registry.fit`, `registry.save`, `registry.load`."""
