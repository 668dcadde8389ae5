"""The function app: registers the blueprints, nothing else."""

import azure.functions as func

from functions.admin.blueprint import bp as admin
from functions.auth.blueprint import bp as auth
from functions.convert.blueprint import bp as convert
from functions.files.blueprint import bp as files
from functions.jobs.blueprint import bp as jobs
from functions.notify.blueprint import bp as notify
from functions.upload.blueprint import bp as upload

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for blueprint in (admin, auth, convert, files, jobs, notify, upload):
    app.register_functions(blueprint)
