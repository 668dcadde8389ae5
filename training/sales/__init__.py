"""Training of `models_onnx/sales_quantiles.*` on a generated sales table of drawn garments."""
