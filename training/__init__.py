"""Training of every model in `models_onnx/`, one command for each (`training/README.md`)."""
