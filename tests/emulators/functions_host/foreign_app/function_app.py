"""An app that has nothing to do with this repository: orders, invoices and a clock."""

import azure.functions as func
from clock import bp as clock
from parcels import bp as parcels
from shop import bp as shop

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (shop, parcels, clock):
    app.register_functions(blueprint)
