"""`foldline import`: bring files into data/raw/ and describe them in params.yaml."""
