"""The function app: refuses unsafe settings and registers the functions that `functions/index.json` lists."""

import gc
import sys

import azure.functions as func

from shared import function_index, startup

# What is imported and registered stays: `function_index` looks for garbage again from the first call.
gc.disable()
# A call that has read an answer of a store waits at most this time for a thread that computes: ten times in a read
# from Cosmos DB, beside a model or a picture (decision 74).
sys.setswitchinterval(0.0005)
startup.refuse_unsafe_values()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
function_index.register(app)
