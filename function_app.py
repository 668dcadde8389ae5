"""The function app: registers the blueprints, nothing else."""

from importlib import import_module

import azure.functions as func

STEPS = (
    "admin", "analytics", "auth", "catalogue", "convert", "files", "jobs", "notify", "observe",
    "paypal", "paypal_webhook", "privacy", "search", "segment", "tryon", "upload", "webhooks",
)  # fmt: skip

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for step in STEPS:
    app.register_functions(import_module(f"functions.{step}.blueprint").bp)
