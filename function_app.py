"""The function app: refuses unsafe settings and registers the functions that `functions/index.json` lists."""

import gc

import azure.functions as func

from shared import function_index, startup

# What is imported and registered stays: `function_index` looks for garbage again from the first call.
gc.disable()
startup.refuse_unsafe_values()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
function_index.register(app)
