"""`foldline import`: copy files into data/raw/ and describe them in params.yaml."""
