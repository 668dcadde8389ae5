"""Client of the AI Fashion Studio API.

`ai_fashion_studio.models` has the types of requests and answers, generated from the API's OpenAPI description.
"""

from ai_fashion_studio.client import Studio
from ai_fashion_studio.errors import StudioError
from ai_fashion_studio.webhooks import verify_webhook

__all__ = ["Studio", "StudioError", "verify_webhook"]
