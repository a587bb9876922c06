"""Raw files (`importing`) become rows (`preparing`), parts (`splits`) and a page (`viewing`)."""
