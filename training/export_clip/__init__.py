"""Export a Hugging Face CLIP or SigLIP as a drop-in pair of ONNX files, in a separate environment.

`./studio models export clip` creates that environment, runs this package in it, and checks the result."""
