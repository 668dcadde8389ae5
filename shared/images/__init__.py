"""Images of users: sanitizing uploads, storing renditions, who may see which image, deleting them."""
