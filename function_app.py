"""The function app: checks the settings and registers the functions that `functions/index.json` lists, nothing else."""

import azure.functions as func

from shared import function_index, startup

startup.check_settings()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
function_index.register(app)
