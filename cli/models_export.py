"""`./studio models export clip --from DIR_OR_HUB_ID`: other people's CLIP as our pair of models, if it proves the same.

Torch runs in its own environment (`training/export_clip`): it writes the files and says what it answers itself
to a gallery of pictures and texts. The product's own code then embeds the same gallery with those files; what differs
by more than `cli.models_gates` allows is not handed out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli import models_env
from cli.models_env import EnvironmentMissing
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from emulators.with_parent import parent_pipe, program

PAIR = ("fashion_image", "fashion_text")
MODELS = ROOT / ".studio" / "models"
SHIPPED = ROOT / "models_onnx"


class ExportError(Exception):
    """The model can't be handed out; the message says why and what to do."""


def add_parser(actions: Any) -> None:
    """Declare the action."""
    parser = actions.add_parser("export", help="make a drop-in pair of ONNX files from a Hugging Face CLIP or SigLIP")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    clip = kinds.add_parser("clip", help="an image and a text tower, with tokenizer, manifests, golden answers")
    clip.add_argument("--from", dest="source", required=True, metavar="DIR_OR_HUB_ID",
                      help="a folder as save_pretrained() writes it, or OWNER/NAME")  # fmt: skip
    clip.add_argument("--revision", help="of the hub's repository")
    clip.add_argument("--precision", choices=("fp32", "int8"), default="int8")
    clip.add_argument("--gallery", type=Path, metavar="DIR",
                      help="your product photos, to measure on; without it drawn ones")  # fmt: skip
    clip.add_argument("--truncate-dim", type=int, metavar="N", help="keep the first N dimensions (Matryoshka models)")
    clip.add_argument("--licence", help="of the weights, where their card names none")
    clip.add_argument("--out", type=Path, metavar="DIR", help="by default .studio/models/NAME")
    clip.add_argument("--json", action="store_true", help="print {ok, folder, licence, models, report | error}")
    clip.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Export and check; 0 only when the pair lies in its folder."""
    say = _silent if options.json else _say
    local_values(ROOT)
    try:
        folder, report = export(options, say)
    except (ExportError, EnvironmentMissing) as error:
        if options.json:
            print(json.dumps({"ok": False, "error": str(error)}))
        else:
            print(f"studio: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"ok": True, "folder": str(folder), **report}))
        return 0
    say(f"licence of the weights: {report['licence']}")
    for name, value in report["report"].items():
        if value != {}:
            say(f"{name}: {value:.7g}" if isinstance(value, float) else f"{name}: {value}")
    say(f"the pair is in {folder}, beside the shipped models: run with MODELS_DIR={folder}, then rebuild the index")
    return 0


def export(options: argparse.Namespace, say: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
    """Make the pair.

    Returns its folder and `{licence, models, report}`.

    Raises:
        ExportError: refused, with the reason.
        EnvironmentMissing: the environment of the export can't be made.
    """
    from cli import models_gallery, models_gates
    from cli.models_manifest import write

    with tempfile.TemporaryDirectory(prefix="studio-export-") as made:
        work = Path(made)
        try:
            models_gallery.prepare(work, options.gallery)
        except models_gallery.GalleryError as error:
            raise ExportError(str(error)) from None
        python = models_env.ensure()
        _towers(python, options, work, quiet=say is _silent)
        facts = json.loads((work / "export.json").read_text())
        if options.licence:
            facts["licence"] = options.licence
        tried: dict[str, str] = {}
        for recipes in models_gates.RECIPES[options.precision]:
            name = " and ".join(dict.fromkeys(recipes))
            candidate = work / name.replace(" ", "-")
            write(candidate, work, facts, recipes)
            say(f"checking {name} with the product's own code")
            report = models_gates.measure(candidate, work, recipes)
            why = models_gates.refusal(report)
            if not why:
                break
            say(f"{name} is refused: {why}")
            tried[name] = why
        else:
            advice = "; --precision fp32 keeps the model's own answers" if options.precision == "int8" else ""
            raise ExportError("refused: " + "; ".join(f"{name}: {why}" for name, why in tried.items()) + advice)
        report["refused_before"] = tried
        models = write(candidate, work, facts, recipes, report)
        folder: Path = options.out or MODELS / facts["source"]["repo"].replace("/", "--").lower()
        _place(candidate, folder)
    return folder, {"licence": facts["licence"], "models": models, "report": report}


def _towers(python: Path, options: argparse.Namespace, work: Path, *, quiet: bool) -> None:
    command = program(str(python), "-m", "training.export_clip", "--from", options.source, "--work", str(work))
    command += ["--int8"] if options.precision == "int8" else []
    command += ["--revision", options.revision] if options.revision else []
    command += ["--truncate-dim", str(options.truncate_dim)] if options.truncate_dim else []
    stdout, stderr = (subprocess.DEVNULL, subprocess.PIPE) if quiet else (None, None)
    done = subprocess.run(command, cwd=ROOT, stdin=parent_pipe(), stdout=stdout, stderr=stderr, text=True, check=False)
    if done.returncode == 0:
        return
    refusal = work / "refused.txt"
    if refusal.is_file():
        raise ExportError(refusal.read_text())
    last = ((done.stderr or "").strip().splitlines() or [f"status {done.returncode}"])[-1]
    raise ExportError(f"the export broke off: {last}")


def _place(candidate: Path, folder: Path) -> None:
    """The pair, and the shipped models that the folder lacks, so that it can be the whole MODELS_DIR."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in SHIPPED.iterdir():
        own = path.name.startswith(PAIR)
        if path.is_file() and not own and not (folder / path.name).exists():
            shutil.copy2(path, folder)
    for path in folder.iterdir():
        if path.name.startswith(PAIR):
            path.unlink()
    # manifests last: a half-placed pair is not listed
    for path in sorted(candidate.iterdir(), key=lambda path: path.name.endswith(".manifest.json")):
        shutil.copy2(path, folder)


def _say(line: str) -> None:
    print(f"studio: {line}", flush=True)


def _silent(line: str) -> None:
    pass
