"""A model for other programs: ONNX, and the Hugging Face hub."""
