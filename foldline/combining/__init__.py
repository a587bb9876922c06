"""Several models become one prediction: `folds` cross-validates, `voting` combines `members`."""
