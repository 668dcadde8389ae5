"""The container on Azurite, and requests whose images are there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vto_process import Container

from emulators.azurite import Azurite
from shared import blobs
from shared.engines.images import encode_png
from shared.vto.protocol import TryOnRequest


@pytest.fixture
def make_container(azurite: Azurite, tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """Starts containers with their own settings."""
    made: list[Container] = []

    def make(**settings: str) -> Container:
        made.append(Container(azurite.connection_string, tmp_path / "vto.log", **settings))
        return made[-1]

    yield make
    for container in made:
        container.close()


@pytest.fixture(scope="module")
def container(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """One container for the tests of a module that leave it as it was."""
    running = Container(azurite.connection_string, tmp_path_factory.mktemp("vto") / "vto.log")
    yield running
    running.close()


@pytest.fixture(scope="module")
def pictures(azurite: Azurite) -> None:
    """A person (noise, so that every pixel differs) and a plain red garment in storage, which other modules' tests
    empty."""
    from azure.storage.blob import BlobServiceClient

    person = np.random.default_rng(1).integers(0, 255, (96, 80, 3), np.uint8)
    garment = np.full((64, 64, 3), (200, 30, 60), np.uint8)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        images = service.get_container_client(blobs.IMAGES)
        if not images.exists():
            images.create_container()
        for name, picture in (("p.png", person), ("g.png", garment)):
            images.upload_blob(f"vto/{name}", encode_png(picture), overwrite=True)


@pytest.fixture
def ask(local: dict[str, str], pictures: None) -> Callable[..., TryOnRequest]:
    """A request whose images are in storage: `ask(seed=905, steps=50)`."""

    def make(**fields: Any) -> TryOnRequest:
        job = f"job:{secrets.token_hex(6)}"
        return TryOnRequest.model_validate_json(
            json.dumps(
                {
                    "jobId": job,
                    "person": {"container": "images", "name": "vto/p.png"},
                    "garments": [{"container": "images", "name": "vto/g.png", "category": "upper"}],
                    "seed": 7,
                    "steps": 2,
                    "output": {"container": "tryon", "prefix": f"someone/{job.removeprefix('job:')}"},
                    **fields,
                }
            )
        )

    return make
