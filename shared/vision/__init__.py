"""Computer vision: classes of an image's areas, masks, cut-outs, colours, and embeddings."""
