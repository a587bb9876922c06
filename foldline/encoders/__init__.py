"""Hub access, sentence encoders, pooling and the vector cache."""
