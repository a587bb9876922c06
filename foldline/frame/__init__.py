"""What every stage stands on: `params` (types), `loading`, `stage.run`, `contract`, `errors`."""
