"""How `models_onnx/sales_quantiles.*` is made: a generated sales table over drawn garments, and the fit on it."""
