"""MediaPipe's pose detector, pose landmarks and selfie mask, stored small as ONNX."""
