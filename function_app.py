"""The function app: registers the blueprints, nothing else."""

import azure.functions as func

from functions.admin.blueprint import bp as admin
from functions.auth.blueprint import bp as auth
from functions.catalogue.blueprint import bp as catalogue
from functions.convert.blueprint import bp as convert
from functions.files.blueprint import bp as files
from functions.jobs.blueprint import bp as jobs
from functions.notify.blueprint import bp as notify
from functions.observe.blueprint import bp as observe
from functions.paypal.blueprint import bp as paypal
from functions.paypal_webhook.blueprint import bp as paypal_webhook
from functions.privacy.blueprint import bp as privacy
from functions.segment.blueprint import bp as segment
from functions.upload.blueprint import bp as upload
from functions.webhooks.blueprint import bp as webhooks

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (
    admin, auth, catalogue, convert, files, jobs, notify, observe, paypal,
    paypal_webhook, privacy, segment, upload, webhooks,
):  # fmt: skip
    app.register_functions(blueprint)
