"""The engines that repaint the whole image: FASHN with a stand-in of tiny random weights, Gemini with its emulator."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import garments, needs_model
from nothing import NOTHING
from PIL import Image

from cli.models_pull import SETS
from demo.photos import people
from shared import settings
from shared.engines import canvas, gemini, region
from shared.engines.base import Cancelled
from shared.errors import ConfigurationError, StudioError
from shared.vto import errors
from vto_container.engines import fashn, fashn_stub
from vto_container.engines.compact import Compact
from vto_container.settings import container_settings

STANDIN = Path(__file__).parent / "standin"
pytestmark = needs_model


def photo(number: int, side: int = 320) -> Any:
    with Image.open(people()[number].photo) as image:
        image.thumbnail((side, side))
        return np.asarray(image.convert("RGB"))


@pytest.fixture
def configure(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def set_to(**values: str) -> None:
        for name, value in {"VTO_TOKEN": "t" * 40, **values}.items():
            monkeypatch.setenv(name, value)
        settings.forget()

    yield set_to
    settings.forget()


@pytest.fixture
def package(configure: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in in place of the package, and weights of one byte each, pinned accordingly; yields `torch.cuda`."""
    for name in fashn.SHA256:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"w")
    monkeypatch.setattr(fashn, "SHA256", dict.fromkeys(fashn.SHA256, hashlib.sha256(b"w").hexdigest()))
    configure(VTO_FASHN_WEIGHTS=str(tmp_path))
    monkeypatch.syspath_prepend(str(STANDIN))
    names = ("torch", "fashn_vton", fashn_stub.NAME)
    for name in names:
        sys.modules.pop(name, None)
    import torch  # pyright: ignore[reportMissingImports]

    yield torch.cuda
    for name in names:
        sys.modules.pop(name, None)


def loaded() -> fashn.Fashn:
    engine = fashn.Fashn()
    engine.load()
    return engine


def test_the_weights_are_those_that_models_pull_fetches() -> None:
    assert {weights.to: weights.sha256 for weights in SETS["fashn"]} == fashn.SHA256
    assert SETS["fashn"][0].revision == fashn.REVISION


def test_fashn_without_its_parser(package: Any) -> None:
    engine = loaded()
    person, ((garment, _),) = photo(1), garments(1, 7)
    reported: list[float] = []
    result = engine.generate(person, garment, "upper", 11, 4, progress=reported.append)
    calls = sys.modules["fashn_vton"].CALLS
    assert [{k: call[k] for k in ("category", "steps", "guidance", "seed")} for call in calls] == [
        {"category": "tops", "steps": 4, "guidance": 1.5, "seed": 11}
    ]
    assert sys.modules[fashn_stub.NAME].FashnHumanParser is fashn_stub.FashnHumanParser
    assert reported == sorted(reported)
    assert len(reported) >= 4
    assert (result.image[result.mask == 0] == person[result.mask == 0]).all()
    assert (result.image[result.mask == 255] != person[result.mask == 255]).any()
    assert result.report.notes["dtype"] == "float32"
    assert result.report.version == f"fashn-vton-1.5@{fashn.REVISION[:12]}"
    again = engine.generate(person, garment, "upper", 11, 4, result.mask)
    inside = (result.mask == 255) & (again.mask == 255)
    assert inside.any()
    assert (again.image[inside] == result.image[inside]).all()


def test_fashn_is_cancelled_between_two_steps_and_removes_its_hooks(package: Any) -> None:
    engine = loaded()
    steps = 0

    def cancelled() -> bool:
        nonlocal steps
        steps += 1
        return steps > 2

    person, ((garment, _),) = photo(1), garments(1, 7)
    with pytest.raises(Cancelled):
        engine.generate(person, garment, "upper", 1, 50, is_cancelled=cancelled)
    assert steps == 3
    assert "forward_for_cfg" not in vars(engine._pipeline.tryon_model)
    everywhere = np.full(person.shape[:2], 255, np.uint8)
    assert engine.generate(person, garment, "upper", 1, 2, everywhere).report.seed == 1


@pytest.mark.parametrize(
    ("capability", "dtype"), [(None, "float32"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")]
)
def test_emulated_bfloat16_is_not_used(package: Any, capability: tuple[int, int] | None, dtype: str) -> None:
    package.capability = capability
    engine = loaded()
    assert engine._pipeline.inference_dtype == engine._pipeline.tryon_model.dtype == f"torch.{dtype}"
    assert engine.device == ("cpu" if capability is None else "cuda")
    assert package.is_bf16_supported()


def test_float16_that_overflows_is_replaced_by_float32(package: Any) -> None:
    package.capability = (7, 5)
    engine = loaded()
    white = np.full((200, 160, 3), 255, np.uint8)
    white[40:160, 40:120] = (20, 60, 160)
    person = photo(1)
    result = engine.generate(person, white, "upper", 1, 2, np.full(person.shape[:2], 255, np.uint8))
    assert result.report.notes["dtype"] == "float32"
    assert [call["dtype"] for call in sys.modules["fashn_vton"].CALLS] == ["torch.float16", "torch.float32"]


def test_a_worn_garment_is_cut_out_on_grey(configure: Callable[..., None]) -> None:
    configure()
    worn = fashn.cut_out(photo(1))
    corner = worn[:20, -20:]
    assert (corner == fashn.GREY).all()
    ((alone, _),) = garments(1, 7)
    assert fashn.cut_out(alone) is alone


@pytest.mark.parametrize("kind", ["grey", "dusk"])
def test_no_engine_processes_an_empty_image(package: Any, configure: Any, kind: str) -> None:
    """Gemini can't be reached: an engine that calls it fails with another error. What else is empty:
    tests/shared/vision/test_presence.py."""
    configure(
        GEMINI_BASE_URL="http://127.0.0.1:9",
        GEMINI_API_KEY="k",
        VTO_FASHN_WEIGHTS=container_settings().fashn_weights,
    )
    nothing, portrait, ((garment, _),) = NOTHING[kind](320, 240), photo(1), garments(1, 7)
    for engine in (Compact(), loaded(), gemini.Gemini()):
        for person, cloth, error, field in (
            (nothing, garment, errors.NoPerson, "person"), (portrait, nothing, errors.GarmentNotFound, "garment"),
        ):  # fmt: skip
            with pytest.raises(error) as refused:
                engine.generate(person, cloth, "upper", 1, 1)
            assert refused.value.field == field, engine.name
    assert sys.modules["fashn_vton"].CALLS == []


def test_fashn_reports_what_is_missing(package: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = loaded()
    ((garment, _),) = garments(1, 7)
    with pytest.raises(errors.NoPerson):
        engine.generate(garment, garment, "upper", 1, 1)
    monkeypatch.setattr(engine._pipeline, "pose_model", lambda bgr: {"bodies": {"subset": np.full((1, 18), -1)}})
    with pytest.raises(errors.PoseNotFound):
        engine.generate(photo(1), garment, "upper", 1, 1)
    for name, code in (("dwpose/yolox_l.onnx", "weights_refused"), ("model.safetensors", "weights_missing")):
        (tmp_path / name).write_bytes(b"other")
        if code == "weights_missing":
            (tmp_path / name).unlink()
        with pytest.raises(ConfigurationError) as failed:
            loaded()
        assert failed.value.code == code


def test_fashn_reports_a_missing_package(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fashn_vton", None)
    with pytest.raises(ConfigurationError, match="not installed here"):
        loaded()


@pytest.fixture(scope="module")
def emulator(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return emulated["gemini"]


def test_gemini_keeps_the_face_and_the_image_size(configure: Callable[..., None], emulator: dict[str, Any]) -> None:
    configure(GEMINI_API_KEY=emulator["apiKey"], GEMINI_BASE_URL=emulator["url"])
    person, ((garment, _),) = photo(1), garments(1, 7)
    result = gemini.Gemini().generate(person, garment, "upper", 3, 1)
    assert result.image.shape == person.shape
    assert (result.image[result.mask == 0] == person[result.mask == 0]).all()
    # the astronaut's face, by eye: in a picture of 320 x 320
    assert not result.mask[50:108, 118:160].any()
    assert (result.mask[220:300, 90:180] > 0).mean() > 0.9
    assert result.report.notes["tokens"] > 0


def test_a_refusal_by_gemini_is_content_refused(configure: Callable[..., None], emulator: dict[str, Any]) -> None:
    import requests

    configure(GEMINI_API_KEY=emulator["apiKey"], GEMINI_BASE_URL=emulator["url"])
    ((garment, _),) = garments(1, 7)
    for mode, kind, retryable in (("image_safety", errors.ContentRefused, False), ("503", StudioError, True)):
        requests.post(f"{emulator['url']}/_emulator/faults", json={"mode": mode}, timeout=5).raise_for_status()
        with pytest.raises(kind) as failed:
            gemini.Gemini().generate(photo(1), garment, "upper", 3, 1)
        assert failed.value.retryable is retryable


@pytest.mark.parametrize(("width", "height", "ratio"), [(300, 400, "3:4"), (1000, 700, "3:2"), (500, 500, "1:1")])
def test_an_image_is_padded_to_a_ratio_and_cropped_back(width: int, height: int, ratio: str) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    assert canvas.nearest_ratio(width / height, gemini.RATIOS) == ratio
    sent, inner = canvas.pad(picture, ratio)
    wide, high = (int(side) for side in ratio.split(":"))
    assert abs(sent.shape[1] / sent.shape[0] - wide / high) < 0.01
    assert (sent[inner] == picture).all()


def test_a_portrait_is_parsed_at_a_smaller_scale(configure: Callable[..., None]) -> None:
    configure()
    grace = photo(0)
    face = region.head(region.parse_person(grace))
    rows, columns = face.shape
    # eyes and mouth, by eye
    assert face[int(0.3 * rows) : int(0.5 * rows), int(0.4 * columns) : int(0.6 * columns)].all()
    assert face[int(0.75 * rows) :].mean() < 0.02
