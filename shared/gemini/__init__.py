"""Gemini's image model through `google-genai`: a photo of a person and one of a garment in, one image out."""
