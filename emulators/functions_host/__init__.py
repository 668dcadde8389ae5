"""A local Azure Functions host for Python v2 apps.

Microsoft's own `azure-functions-runtime` indexes the app and runs its functions; the listeners here feed it.
Nothing in it knows the app. Start it with `python -m emulators.functions_host --app DIR`.
"""
