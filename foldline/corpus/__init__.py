"""Raw files (`reading`) become rows (`preparing`), shared without a leak (`splits`)."""
