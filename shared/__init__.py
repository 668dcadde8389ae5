import os

# pydantic would look for plugins in the metadata of every installed package before it builds its first model.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
