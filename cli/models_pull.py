"""`./studio models pull NAME`: weights that are too big to ship, from the hub, each byte as pinned here.

A commit fixes what is fetched, and SHA-256 and size are pinned beside it: a file that differs from them never takes
its name. What has arrived stays when the line breaks, and the next run goes on from there. (The library's own
download starts a file again in each process, so only its transfer and metadata are used.)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.stack import ROOT

WEIGHTS = ROOT / ".studio" / "weights"


@dataclass(frozen=True)
class Weights:
    """One file of a repository of the hub.

    Args:
        revision: the full commit.
        to: where it goes below the folder of the set.
    """

    repo: str
    revision: str
    file: str
    to: str
    sha256: str
    bytes: int
    licence: str


FASHN = ("fashn-ai/fashn-vton-1.5", "7720683168567eb5a2a4c67f15116c6e29c83ded")
DWPOSE = ("fashn-ai/DWPose", "548b5df25b84d9f4aac0611dfa1c2a7a12f15571")
SETS: dict[str, tuple[Weights, ...]] = {
    "fashn": (
        Weights(*FASHN, "model.safetensors", "model.safetensors",
                "d6cd38286885bc29fa487ea9383f80ffeb95862e7747c630d42c5d3c05bdd35a", 1_943_668_048, "Apache-2.0"),
        Weights(*DWPOSE, "yolox_l.onnx", "dwpose/yolox_l.onnx",
                "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411", 216_746_733, "Apache-2.0"),
        Weights(*DWPOSE, "dw-ll_ucoco_384.onnx", "dwpose/dw-ll_ucoco_384.onnx",
                "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843", 134_399_116, "Apache-2.0"),
    ),
}  # fmt: skip
"""What can be pulled. Of FASHN VTON v1.5 only what the engine needs: its human parser is not for commercial use, and
stays out."""


class PullError(Exception):
    """A file could not be fetched; the message says which, why, and what to do."""


def add_parser(actions: Any) -> None:
    """Declare the action."""
    parser = actions.add_parser("pull", help="download weights that are too big to ship (fashn: 2.3 GB)")
    parser.add_argument("name", choices=sorted(SETS))
    parser.add_argument("--to", type=Path, metavar="DIR", help="by default .studio/weights/NAME")
    parser.add_argument("--json", action="store_true", help="print {ok, folder, files | error}")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Fetch what is missing; 0 only when every file lies there as pinned."""
    folder: Path = options.to or WEIGHTS / options.name
    try:
        files = pull(SETS[options.name], folder, quiet=options.json)
    except PullError as error:
        if options.json:
            print(json.dumps({"ok": False, "folder": str(folder), "error": str(error)}))
        else:
            print(f"studio: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"ok": True, "folder": str(folder), "files": files}))
    else:
        print(f"studio: {len(files)} files in {folder}, as pinned")
    return 0


def pull(wanted: Sequence[Weights], folder: Path, *, quiet: bool = False) -> list[dict[str, Any]]:
    """Fetch the files that the folder lacks.

    Returns for each `{file, repo, revision, sha256, bytes, licence, fetched}`.

    Raises:
        PullError: the hub can't be reached, does not have a file, has another one, or the disk is full.
    """
    found: list[dict[str, Any]] = []
    for weights in wanted:
        target = folder / weights.to
        there = _is(target, weights)
        if not there:
            with _short_errors(weights):
                _fetch(weights, target, quiet=quiet)
        if not quiet:
            print(f"studio: {'kept' if there else 'fetched'} {weights.to} ({weights.licence})", flush=True)
        found.append(
            {"file": weights.to, "repo": weights.repo, "revision": weights.revision, "sha256": weights.sha256,
             "bytes": weights.bytes, "licence": weights.licence, "fetched": not there}
        )  # fmt: skip
    return found


def _fetch(weights: Weights, target: Path, *, quiet: bool) -> None:
    # no telemetry of what was pulled from where
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfFileMetadata, file_download, hf_hub_url
    from huggingface_hub.utils import disable_progress_bars

    if quiet or not sys.stderr.isatty():
        disable_progress_bars()
    endpoint = os.environ.get("HF_ENDPOINT")
    url = hf_hub_url(weights.repo, weights.file, revision=weights.revision, endpoint=endpoint)
    # Its annotations name types of tqdm, which has none.
    library: Any = file_download
    offered: HfFileMetadata = library.get_hf_file_metadata(url, endpoint=endpoint)
    if (offered.etag, offered.size) != (weights.sha256, weights.bytes):
        raise PullError(
            f"{weights.repo} offers another {weights.file} than the pinned one: "
            f"expected sha256 {weights.sha256}, {weights.bytes} bytes, found {offered.etag}, {offered.size}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    if have > weights.bytes:
        part.unlink()
        have = 0
    free = shutil.disk_usage(target.parent).free
    if free < weights.bytes - have:
        raise PullError(f"{target.parent} has {free / 1e9:.1f} GB free, {weights.file} needs {weights.bytes / 1e9:.1f}")
    with part.open("ab") as file:
        library.http_get(
            offered.location, file, resume_size=have, expected_size=weights.bytes, displayed_filename=weights.file
        )
    if not _is(part, weights):
        part.unlink()
        raise PullError(f"{weights.file} arrived damaged and was thrown away: run the command again")
    part.replace(target)


@contextmanager
def _short_errors(weights: Weights) -> Generator[None]:
    """Say in one line what the library says in many."""
    import httpx2
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled

    where = f"{weights.repo}@{weights.revision[:7]}"
    later = "what has arrived is kept; run the command again"
    try:
        yield
    except GatedRepoError:
        raise PullError(f"{where} is gated: accept its terms on the hub, and set HF_TOKEN") from None
    except OfflineModeIsEnabled:
        raise PullError(f"{weights.file} is missing, and HF_HUB_OFFLINE is set") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 404):
            raise PullError(f"the hub has no {weights.file} in {where} (HTTP {status})") from None
        raise PullError(f"the hub answers HTTP {status} for {weights.file} of {where}; {later}") from None
    except httpx2.HTTPError as error:
        why = type(error).__name__
        raise PullError(f"the hub can't be reached for {weights.file} of {where} ({why}); {later}") from None
    except OSError as error:
        raise PullError(f"{weights.file} can't be stored or was cut off: {error}; {later}") from None


def _is(path: Path, weights: Weights) -> bool:
    if not path.is_file() or path.stat().st_size != weights.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256
