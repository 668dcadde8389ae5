"""How every file in `models_onnx/` was made; one command a model (`training/README.md`)."""
