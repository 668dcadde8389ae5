"""Seeing: what stands where in a picture, its outline to the pixel, cut-outs and colours."""
