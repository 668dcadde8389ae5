"""The function app: registers the functions that `functions/index.json` lists, nothing else."""

import azure.functions as func

from shared import function_index

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
function_index.register(app)
