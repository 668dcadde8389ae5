"""Images as strangers send them: the gate they pass, the renditions made of them, the URLs that name them."""
