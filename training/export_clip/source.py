"""Source and licence of a model: a folder, or a hub repository at one commit."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.repocard import metadata_load

from .refusal import Refused

DESCRIPTIONS = ("*.json", "*.txt", "*.model", "README.md")
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
"""File types of weights in order of preference; only the first one in the repository is downloaded."""
UNKNOWN = "not stated"


@dataclass(frozen=True)
class Source:
    """A model on the local disk.

    Args:
        folder: a folder for `from_pretrained`.
        repo: the name on the hub, or of the folder.
        revision: the commit on the hub, or for a folder the SHA-256 of its configuration and weights.
        licence: the licence stated by the model card.
    """

    folder: Path
    repo: str
    revision: str
    licence: str


def find(given: str, revision: str | None) -> Source:
    """Find the model in a folder, or download it into the hub's cache.

    Raises:
        Refused: the folder or repository does not exist, cannot be reached, or contains no model.
    """
    folder = Path(given).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise Refused(f"{given} holds no config.json: give a folder as save_pretrained() writes it")
        if not any(path for kind in WEIGHTS for path in folder.glob(kind)):
            raise Refused(f"{given} holds no weights that transformers reads ({' or '.join(WEIGHTS)})")
        return _two_towers(Source(folder, folder.resolve().name, _digest(folder), licence(folder)))
    if folder.is_absolute() or given.startswith((".", "~")) or given.count("/") != 1:
        raise Refused(f"{given} is neither a folder nor a repository of the hub (OWNER/NAME)")
    return _downloaded(given, revision)


def _downloaded(repo: str, revision: str | None) -> Source:
    try:
        info = HfApi().model_info(repo, revision=revision, timeout=20)
        present = {sibling.rfilename for sibling in info.siblings or []}
        weights = next((kind for kind in WEIGHTS if any(Path(name).match(kind) for name in present)), None)
        if weights is None or "config.json" not in present:
            raise Refused(f"{repo} holds no weights that transformers reads ({' or '.join(WEIGHTS)})")
        folder = snapshot_download(repo, revision=info.sha, allow_patterns=[*DESCRIPTIONS, weights])
        return _two_towers(Source(Path(folder), repo, str(info.sha), licence(Path(folder))))
    except GatedRepoError:
        raise Refused(f"{repo} is gated: accept its terms on the hub and set HF_TOKEN") from None
    except RepositoryNotFoundError:
        raise Refused(f"the hub has no model {repo} (a private one needs HF_TOKEN)") from None
    except RevisionNotFoundError:
        raise Refused(f"{repo} has no revision {revision}") from None
    except HFValidationError as error:
        raise Refused(f"{repo} is no name of the hub: {error}") from None
    except (OSError, RuntimeError) as error:
        return _cached(repo, revision, error)
    except Exception as error:
        if not type(error).__module__.startswith(("httpx", "httpcore")):
            raise
        return _cached(repo, revision, error)


def _cached(repo: str, revision: str | None, why: Exception) -> Source:
    """The files that an earlier run downloaded."""
    try:
        folder = Path(snapshot_download(repo, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        raise Refused(
            f"the hub can't be reached ({type(why).__name__}), and {repo} was not downloaded before: "
            "download it elsewhere and give its folder"
        ) from None
    return _two_towers(Source(folder, repo, folder.name, licence(folder)))


def _two_towers(source: Source) -> Source:
    """Check that the model can be exported before anything large is loaded."""
    config = description(source.folder, "config.json")
    if "text_config" not in config or "vision_config" not in config:
        if (source.folder / "open_clip_config.json").is_file():
            raise Refused(f"{source.repo} is in the format of open_clip: convert it to transformers' CLIPModel first")
        kind = config.get("model_type") or "of no type"
        raise Refused(f"{source.repo} ({kind}) is no model of an image and a text tower that transformers supports")
    return source


def licence(folder: Path) -> str:
    """The licence in the metadata of the model card, with its link if it has one."""
    card = folder / "README.md"
    found = (metadata_load(card) or {}) if card.is_file() else {}
    name = found.get("license_name") or found.get("license")
    link = found.get("license_link")
    if not name:
        return UNKNOWN
    return f"{name} ({link})" if link else str(name)


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for pattern in ("config.json", *WEIGHTS):
        for path in sorted(folder.glob(pattern)):
            with path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def description(folder: Path, name: str) -> dict:
    """A JSON file in the model's folder; empty if missing."""
    path = folder / name
    return json.loads(path.read_text()) if path.is_file() else {}
