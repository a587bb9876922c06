"""`foldline export`: a trained transformer for onnxruntime."""
