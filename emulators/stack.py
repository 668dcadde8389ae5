"""Everything the app needs, as processes of this machine: storage, providers, and the Functions host itself.

    with Stack() as stack:
        requests.get(stack.url + "/api/health")

A provider whose key stands in the environment is the real one; for the others the emulator's address and key are put
into the app's settings. The app itself is the same either way.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

from emulators.app_log import FILES
from emulators.azurite import ACCOUNT, Azurite, AzuriteError
from emulators.container import Container
from emulators.functions_host.ports import Port, PortInUse
from emulators.kept_ports import KeptPorts
from emulators.launch import launch, launch_together
from emulators.vite import free_port, serving
from emulators.with_parent import parent_pipe, python, stop

ROOT = Path(__file__).resolve().parents[1]
STOP_S = 45
DOCUMENTS = ("sqlite", "cosmos")
HOST = "127.0.0.1"
"""Where the app listens, as the local host does without `--host`."""

PROVIDERS: Mapping[str, str] = {
    "gemini": "GEMINI_API_KEY",
    "fashn": "FASHN_API_KEY",
    "email": "EMAIL_CONNECTION",
    "sms": "TWILIO_AUTH_TOKEN",
    "webpubsub": "WEBPUBSUB_CONNECTION",
    "paypal": "PAYPAL_CLIENT_SECRET",
}
"""Emulators, each with the setting that, once given, means the real provider."""


TOOLS = "/_emulator"
"""Where the page finds the tools of this machine (`emulators.site.local_tools`)."""
PORT = 7071
MALLOC = {
    "MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}  # fmt: skip
"""How the app's processes take memory, as `infra/app/api.bicep` says."""
"""Port of the app where data is kept, unless another one was taken: the one of the Functions Core Tools."""
WATCHED = ("functions", "shared", "function_app.py", "host.json", "local.settings.json")


REFUSED = "functions_host: "
"""Begins the line in which the host says why it does not start."""


class StartError(RuntimeError):
    """Something did not start; the text is for people and says why."""


class Stack:
    """The whole system on this machine.

    Args:
        data: directory that keeps blobs, queues and documents; None for a temporary one.
        workers: instances of the app, as processes.
        settings: settings for the app over those of `local.settings.json`.
        port: of the app. 0 takes the one of the last start on this data, else 7071, while it is free; any free one
            otherwise, and without data.
        blob_poll: seconds between scans for new blobs.
        documents: `sqlite`, or `cosmos` for the Cosmos DB emulator; `STUDIO_DOCUMENTS` or SQLite without it.
        throughput: request units a second of each container on the emulator; None for the service's own.
        watch: restart the app when a source file changes.
        debug: port on which the app waits for a debugger before it starts.
        flex: run every scaling group of Flex Consumption in its own process.
        page: folder of the built studio page, to be served as a static web app.
        page_sources: folder of the page's sources, to be served by Vite instead, so that a changed file is live; `page`
            is then what has the page's settings.
        happened: is called with each event of the host after its start (`emulators.functions_host.supervisor`).

    Raises (on entering):
        StartError: something did not start.

    Attributes once started: `url` of the app, `storage` (connection string), `providers` (start-up facts of each
    emulator by name), `settings` (what the app got), `functions` (as the host lists them), `blob_doors` (where Event
    Grid delivers its events, by container).
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        workers: int = 1,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        blob_poll: float = 1.0,
        log: Path | None = None,
        documents: str | None = None,
        throughput: float | None = None,
        watch: bool = False,
        debug: int | None = None,
        flex: bool = False,
        page: Path | None = None,
        page_sources: Path | None = None,
        happened: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._documents = documents or os.environ.get("STUDIO_DOCUMENTS") or "sqlite"
        if self._documents not in DOCUMENTS:
            raise ValueError(f"documents must be one of {', '.join(DOCUMENTS)}")
        self._throughput = throughput
        self._watch, self._debug, self._flex = watch, debug, flex
        self._happened = happened
        self._page, self._page_sources = page, page_sources
        self.page_url: str | None = None
        self._data = data
        self._workers = workers
        self._given = dict(settings or {})
        self._port = port
        self._blob_poll = blob_poll
        self._log = log
        self._open = ExitStack()
        self.providers: dict[str, dict[str, Any]] = {}
        self.blob_doors: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            return self._start()
        except BaseException as error:
            self._open.close()
            if isinstance(error, AzuriteError | RuntimeError) and not isinstance(error, StartError):
                raise StartError(str(error)) from error
            raise

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _start(self) -> Self:
        if self._port:
            _check_free(self._port)
        data = self._data
        if data is None:
            data = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="studio-")))
        data.mkdir(parents=True, exist_ok=True)
        self._ports = KeptPorts(None if self._data is None else data / "ports.json")
        blob, queue, table = (self._ports.wanted(name) for name in ("blob", "queue", "table"))
        azurite = Azurite(None if self._data is None else data / "azurite", ports=(blob, queue, table))
        wanted = [name for name, key in PROVIDERS.items() if not os.environ.get(key)]
        together = launch_together({name: self._ports.wanted(name) for name in wanted}) if wanted else nullcontext({})
        launches: dict[str, AbstractContextManager[dict[str, Any]]] = {}
        if self._documents == "cosmos":
            launches["cosmos"] = launch("cosmos", *self._cosmos_arguments(data), port=self._ports.wanted("cosmos"))
        self._page_config = data / "page.json"
        self._page_config.unlink(missing_ok=True)
        if self._page is not None:
            files = ["--folder", str(self._page), "--config", str(self._page_config)]
            files += [part for log in self._logs(data) for part in ("--log", str(log))]
            launches["site"] = launch("site", *files, port=self._ports.wanted("site"))
        with ThreadPoolExecutor(len(launches) + 2) as pool:
            storage = pool.submit(self._open.enter_context, azurite)
            emulated = pool.submit(self._open.enter_context, together)
            started = {name: pool.submit(self._open.enter_context, cm) for name, cm in launches.items()}
            storage.result()
            self.providers = emulated.result() | {name: future.result() for name, future in started.items()}
        self._keep_ports(azurite)
        self._blob_url = f"http://{azurite.host}:{azurite.blob_port}/{ACCOUNT}"
        site = self.providers.pop("site", None)
        source_port = self._ports.wanted("page") or free_port()
        if site is not None:
            self.page_url = site["url"] if self._page_sources is None else f"http://127.0.0.1:{source_port}"
        self.storage, self._events = azurite.connection_string, azurite.events
        self.settings = {
            "AzureWebJobsStorage": self.storage,
            "Storage": self.storage,
            **self._document_settings(data),
            **self._provider_settings(),
            **({"APP_URL": self.page_url} if self.page_url else {}),
            **self._given,
        }
        azurite.allow_origins(self.settings.get("ALLOWED_ORIGINS") or os.environ.get("ALLOWED_ORIGINS") or "*")
        if "VTO_URL" not in self.settings and not os.environ.get("VTO_URL"):
            container = Container(self._ports.wanted("vto"))
            self._ports.keep("vto", container.port)
            self.settings = {**container.settings, **self.settings}
            with ThreadPoolExecutor(1) as pool:
                # beside the host: both take a second or two
                running = container.running(self.settings, self._logs(data)[1])
                started_container = pool.submit(self._open.enter_context, running)
                self._host(data)
                started_container.result()
        else:
            self._host(data)
        self._announce()
        if site is not None and self._page_sources is not None:
            self._open.enter_context(serving(self._page_sources, site["url"], source_port))
            self._ports.keep("page", source_port)
        if self._page is not None:
            self.configure_page([])
        return self

    def configure_page(self, accounts: Sequence[Mapping[str, str]]) -> None:
        """Let the studio page know the API's address, accounts to sign in with, and what is emulated."""
        config = {"apiUrl": self.url, "local": page_facts(accounts, self.providers)}
        written = self._page_config.with_suffix(".new")
        written.write_text(json.dumps(config))
        written.replace(self._page_config)

    def _logs(self, data: Path) -> list[Path]:
        """What the app and the try-on container write, once they run."""
        app, container = FILES
        return [self._log or data / app, data / container]

    def _keep_ports(self, azurite: Azurite) -> None:
        for name, port in (("blob", azurite.blob_port), ("queue", azurite.queue_port), ("table", azurite.table_port)):
            self._ports.keep(name, port)
        for name, started in self.providers.items():
            url = started.get("url") or started.get("endpoint")
            port = urlsplit(str(url)).port
            if port:
                self._ports.keep(name, port)

    def _cosmos_arguments(self, data: Path) -> list[str]:
        kept = [] if self._data is None else ["--data", str(data / "cosmos.sqlite")]
        return kept if self._throughput is None else [*kept, "--throughput", str(self._throughput)]

    def _document_settings(self, data: Path) -> dict[str, str]:
        cosmos = self.providers.get("cosmos")
        if cosmos is None:
            return {"DOCUMENTS": f"sqlite:{data / 'documents.sqlite'}"}
        account = {"COSMOS_ENDPOINT": cosmos["endpoint"], "COSMOS_KEY": cosmos["key"]}
        return {"DOCUMENTS": "cosmos", "COSMOS_CREATE": "true", **account}

    def _provider_settings(self) -> dict[str, str]:
        made: dict[str, str] = {}
        if gemini := self.providers.get("gemini"):
            made |= {"GEMINI_API_KEY": gemini["apiKey"], "GEMINI_BASE_URL": gemini["url"]}
        if fashn := self.providers.get("fashn"):
            made |= {"FASHN_API_KEY": fashn["apiKey"], "FASHN_BASE_URL": fashn["url"]}
        if not os.environ.get("TRYON_ENGINES"):
            made["TRYON_ENGINES"] = json.dumps(self._engines())
        if email := self.providers.get("email"):
            made |= {"EMAIL_CONNECTION": email["connectionString"], "EMAIL_SENDER": email["sender"]}
        if sms := self.providers.get("sms"):
            made |= {
                "TWILIO_ACCOUNT_SID": sms["accountSid"],
                "TWILIO_AUTH_TOKEN": sms["authToken"],
                "TWILIO_BASE_URL": sms["url"],
                "SMS_SENDER": sms["sender"],
            }
        if webpubsub := self.providers.get("webpubsub"):
            made["WEBPUBSUB_CONNECTION"] = webpubsub["connectionString"]
        if paypal := self.providers.get("paypal"):
            made |= paypal_settings(paypal)
        return made

    def _engines(self) -> list[str]:
        """The try-on engines: an emulated picture is no reason to prefer an engine to the built-in one."""
        hosted = {"fashn": "fashn-api", "gemini": "gemini"}
        real = [engine for provider, engine in hosted.items() if provider not in self.providers]
        return [*real, "compact", *(engine for engine in hosted.values() if engine not in real)]

    def _announce(self) -> None:
        """Tell the providers that call us where we are."""
        if paypal := self.providers.get("paypal"):
            import requests

            where = {"url": f"{self.url}/api/paypal/webhook"}
            requests.post(f"{paypal['url']}/_emulator/webhook", json=where, timeout=10).raise_for_status()

    def _host(self, data: Path) -> None:
        self.log = self._logs(data)[0]
        log = self._open.enter_context(self.log.open("ab"))
        command = python("emulators.functions_host", "--app", str(ROOT), "--json")
        command += ["--port", str(self._port or self._ports.wanted("app", PORT)), "--workers", str(self._workers)]
        command += ["--blob-poll", str(self._blob_poll), "--storage-events", self._events, "--event-grid"]
        command += [part for name in WATCHED for part in ("--watch", name)] if self._watch else []
        command += ["--debug", str(self._debug)] if self._debug else []
        command += ["--flex"] if self._flex else []
        # An own session: ^C reaches us alone, and we stop the app before what it stands on.
        host = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**MALLOC, **os.environ, **self.settings},
            stdin=parent_pipe(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        self._open.callback(stop, host, STOP_S)
        assert host.stdout is not None
        line = host.stdout.readline()
        if not line:
            host.wait()
            raise StartError(_why(self.log))
        facts: dict[str, Any] = json.loads(line)
        if facts.get("errors"):
            raise StartError("; ".join(f"{name}: {why}" for name, why in facts["errors"].items()))
        self.url: str = facts["url"].rstrip("/")
        if not self._port:
            self._ports.keep("app", urlsplit(self.url).port or 0)
        if self._happened is not None:
            threading.Thread(target=self._follow, args=(host.stdout, self._happened), daemon=True).start()
        self.functions: list[dict[str, Any]] = facts["functions"]
        self.host_pid = host.pid
        self._subscribe(facts["keys"]["FUNCTIONS_BLOBS_EXTENSION_KEY"])

    def _subscribe(self, key: str) -> None:
        """Subscribe the blob functions to Event Grid, as infra/hooks/subscribe.sh does in Azure."""
        arguments = ["--storage-events", self._events, "--blobs", self._blob_url]
        for function in self.functions:
            if function["trigger"] == "blobTrigger" and function["source"] == "EventGrid":
                query = f"functionName=Host.Functions.{function['name']}&code={key}"
                endpoint = f"{self.url}/runtime/webhooks/blobs?{query}"
                container = str(function["path"]).partition("/")[0]
                self.blob_doors[container] = endpoint
                arguments += ["--subscription", f"{container}={endpoint}"]
        self._open.enter_context(launch("eventgrid", *arguments))

    @staticmethod
    def _follow(lines: IO[str], happened: Callable[[dict[str, Any]], None]) -> None:
        for line in lines:
            happened(json.loads(line))


def _check_free(port: int) -> None:
    """Refuse a taken port before anything is started; raises `StartError`."""
    try:
        Port(HOST, port, str(ROOT), 0).close()
    except PortInUse as taken:
        raise StartError(str(taken)) from None


def _why(log: Path) -> str:
    """Why the host did not start: the last line of its log, or where that is."""
    last = (log.read_text(errors="replace").strip().splitlines() or [""])[-1]
    return last.removeprefix(REFUSED) if last.startswith(REFUSED) else f"the Functions host ended; its log is {log}"


def page_facts(accounts: Sequence[Mapping[str, str]], providers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the studio page knows on one machine only: `local` of its `config.json`.

    Args:
        accounts: role, e-mail address and password of each account to sign in with.
        providers: start-up facts of the emulators that run; the other providers are the real ones.
    """
    standing = {name: {"emulated": name in providers, "url": providers.get(name, {}).get("url")} for name in PROVIDERS}
    return {"accounts": [*accounts], "providers": standing, "tools": TOOLS}


def paypal_settings(facts: Mapping[str, Any]) -> dict[str, str]:
    """The app's settings for an emulated PayPal, from its start-up facts."""
    return {
        "PAYPAL_BASE_URL": facts["url"],
        "PAYPAL_CLIENT_ID": facts["clientId"],
        "PAYPAL_CLIENT_SECRET": facts["clientSecret"],
        "PAYPAL_MERCHANT_ID": facts["merchantId"],
        "PAYPAL_WEBHOOK_ID": facts["webhookId"],
        "PAYPAL_CERT_ORIGINS": json.dumps([facts["certOrigin"]]),
        "PAYPAL_CERT_NAME": "messageverificationcerts.sandbox.paypal.com",
        "PAYPAL_CERT_ROOTS": facts["caFile"],
    }
