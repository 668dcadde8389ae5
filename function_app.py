"""The function app: refuses unsafe settings and registers the functions that `functions/index.json` lists."""

import azure.functions as func

from shared import function_index, startup

startup.refuse_unsafe_values()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
function_index.register(app)
