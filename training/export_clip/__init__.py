"""A Hugging Face CLIP-class model as a drop-in pair of ONNX files. Runs in an environment of its own; see
`./studio models export clip`, which makes that environment, runs this in it, and checks what came out."""
