"""The built-in engine on drawn people and garments: what it changes, what it keeps, what it refuses."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from drawn import MODELS
from numpy.typing import NDArray
from PIL import Image

from demo.photos import people
from shared import onnx
from shared.engines.base import Cancelled, Category, Result
from shared.errors import ConfigurationError, StudioError
from vto_container.engines.compact import Compact
from wardrobe import POSES, GarmentSpec, draw_garment, draw_mannequin, draw_posed_mannequin, garment_specs

NAMES = ("garment_parser", "pose_detector", "pose_landmarks", "selfie_mask", "garment_landmarks", "garment_outline")
pytestmark = pytest.mark.skipif(
    not all((MODELS / f"{name}.onnx").is_file() for name in NAMES), reason="the try-on has not been trained here"
)
SIZE = (240, 320)
WORN: list[tuple[str, Category]] = [("t-shirt", "upper"), ("trousers", "lower"), ("dress", "dress")]

type Picture = NDArray[Any]


@pytest.fixture
def engine(local: dict[str, str]) -> Compact:
    made = Compact()
    made.load()
    return made


def spec_of(kind: str) -> GarmentSpec:
    plain = [one for one in garment_specs(240, 5) if one.category == kind and one.pattern == "plain"]
    return plain[0]


@cache
def garment(kind: str) -> Picture:
    return np.asarray(draw_garment(spec_of(kind), (240, 300)).image.convert("RGB"))


@cache
def person(seed: int, pose: str = "straight") -> Picture:
    return np.asarray(draw_posed_mannequin(seed, SIZE, pose=pose))


def mean_inside(result: Result) -> NDArray[Any]:
    """The colour in the middle of the changed area."""
    inside = result.mask == 255
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    middle = result.image[rows[0] + len(rows) // 4 : rows[-1] - len(rows) // 4, columns[0] : columns[-1]]
    return np.median(middle[inside[rows[0] + len(rows) // 4 : rows[-1] - len(rows) // 4, columns[0] : columns[-1]]], 0)


@pytest.mark.parametrize(("kind", "category"), WORN)
def test_the_garment_is_put_on_and_nothing_else_changes(engine: Compact, kind: str, category: Category) -> None:
    photo = person(0)
    result = engine.generate(photo, garment(kind), category, 1, 30)
    assert result.image.shape == photo.shape and result.image.dtype == np.uint8
    assert (result.image[result.mask == 0] == photo[result.mask == 0]).all()
    assert result.report.changed_outside_mask == 0
    assert 0.02 < (result.mask > 127).mean() < 0.5
    cloth = np.median(garment(kind)[120:180, 90:150].reshape(-1, 3), 0)
    before = np.median(photo[result.mask == 255], 0)
    assert np.abs(mean_inside(result) - cloth).mean() < 0.5 * np.abs(before - cloth).mean() + 12


def test_the_same_call_gives_the_same_bytes_whatever_the_seed(engine: Compact) -> None:
    first = engine.generate(person(1), garment("t-shirt"), "upper", 1, 30)
    again = Compact().generate(person(1), garment("t-shirt"), "upper", 99, 1)
    assert (first.image == again.image).all() and (first.mask == again.mask).all()
    assert again.report.seed == 99 and again.report.version == first.report.version
    for name in ("garment_landmarks", "garment_outline"):
        assert onnx.manifests()[name].sha256[:8] in first.report.version


def test_the_face_is_unchanged(engine: Compact) -> None:
    drawn = draw_mannequin(4, SIZE)
    photo, labels = np.asarray(drawn.image), np.asarray(drawn.labels)
    result = engine.generate(photo, garment("dress"), "dress", 1, 1)
    rows = np.flatnonzero((labels > 0).any(1))
    face = np.isin(labels, [1, 2])
    face[rows[0] + len(rows) // 9 :] = False
    assert face.sum() > 100
    assert (result.image[face] == photo[face]).all()


def test_what_the_old_garment_covered_is_painted_over(engine: Compact) -> None:
    """A long-sleeved red top is replaced by a T-shirt: no red is left except what the parser took for skin."""
    drawn = draw_mannequin(11, SIZE, upper="longsleeve")
    photo, labels = np.asarray(drawn.image), np.asarray(drawn.labels)
    red = photo.copy()
    red[labels == 3] = (0.4 * photo[labels == 3] + (120, 10, 20)).clip(0, 255).astype(np.uint8)
    result = engine.generate(red, garment("t-shirt"), "upper", 1, 1)
    inner = labels == 3
    changed = (np.abs(result.image.astype(int) - red).sum(2) > 20) & inner
    assert changed.sum() > 0.8 * inner.sum()


def test_a_mask_limits_what_changes(engine: Compact) -> None:
    photo = person(0)
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, : photo.shape[1] // 2] = 255
    result = engine.generate(photo, garment("t-shirt"), "upper", 1, 1, mask)
    assert (result.image[:, photo.shape[1] // 2 :] == photo[:, photo.shape[1] // 2 :]).all()
    assert (result.mask[:, photo.shape[1] // 2 :] == 0).all() and (result.mask > 0).any()


@pytest.mark.parametrize("pose", POSES)
def test_poses_are_dressed(engine: Compact, pose: str) -> None:
    result = engine.generate(person(2, pose), garment("t-shirt"), "upper", 1, 1)
    assert (result.mask > 127).mean() > 0.02


def test_a_portrait_takes_an_upper_garment_but_not_trousers(engine: Compact) -> None:
    with Image.open(people()[0].photo) as image:
        photo = np.asarray(image.convert("RGB").resize((240, 280)))
    result = engine.generate(photo, garment("sweater"), "upper", 1, 1)
    assert (result.mask > 127).mean() > 0.05
    assert result.report.notes["garmentWorn"] is False
    with pytest.raises(StudioError) as refused:
        engine.generate(photo, garment("trousers"), "lower", 1, 1)
    assert refused.value.code == "category_mismatch"


@pytest.mark.parametrize(("number", "quality"), [(0, "good"), (1, "low")], ids=["uniform", "space suit"])
def test_clothes_that_the_parser_does_not_know_make_a_low_quality(engine: Compact, number: int, quality: str) -> None:
    with Image.open(people()[number].photo) as image:
        photo = np.asarray(image.convert("RGB").resize((480, 480 * image.height // image.width)))
    assert engine.generate(photo, garment("sweater"), "upper", 1, 1).report.notes["quality"] == quality


def test_a_worn_garment_is_cut_out_of_its_image(engine: Compact) -> None:
    result = engine.generate(person(0), np.asarray(draw_posed_mannequin(6, SIZE)), "upper", 1, 1)
    assert result.report.notes["garmentWorn"] is True
    assert (result.mask > 127).mean() > 0.02


def blank(shade: int = 200) -> Picture:
    return np.full((300, 240, 3), shade, np.uint8)


@pytest.mark.parametrize(
    ("one", "other", "category", "code"),
    [
        ("blank", "t-shirt", "upper", "no_person"),
        ("t-shirt", "t-shirt", "upper", "no_person"),
        ("person", "blank", "upper", "garment_not_found"),
        ("person", "shoes", "upper", "category_mismatch"),
        ("person", "trousers", "upper", "category_mismatch"),
        ("tiny", "t-shirt", "upper", "image_too_small"),
    ],
)
def test_unusable_inputs_are_refused_by_code(
    engine: Compact, one: str, other: str, category: Category, code: str
) -> None:
    def picture(name: str) -> Picture:
        if name == "blank":
            return blank()
        if name == "tiny":
            return person(0)[:40, :40]
        return person(0) if name == "person" else garment(name)

    with pytest.raises(StudioError) as refused:
        engine.generate(picture(one), picture(other), category, 1, 1)
    assert refused.value.code == code
    assert not refused.value.retryable


SIDE_BY_SIDE = [("t-shirt", "trousers"), ("trousers", "t-shirt"), ("t-shirt", "t-shirt"), ("t-shirt", "shorts")]


@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
@pytest.mark.parametrize(("one", "other"), SIDE_BY_SIDE)
def test_two_garments_in_one_photo_are_refused_as_such(
    engine: Compact, one: str, other: str, category: Category
) -> None:
    for axis in (0, 1):
        both = np.concatenate([garment(one), garment(other)], axis)
        with pytest.raises(StudioError) as refused:
            engine.generate(person(0), both, category, 1, 1)
        assert (refused.value.code, refused.value.retryable) == ("several_garments", False), axis
        assert "crop it" in refused.value.message


def test_it_is_cancelled_between_any_two_steps_and_reports_progress(engine: Compact) -> None:
    reported: list[float] = []
    asked = 0

    def count() -> bool:
        nonlocal asked
        asked += 1
        return False

    engine.generate(person(0), garment("t-shirt"), "upper", 1, 1, progress=reported.append, is_cancelled=count)
    assert reported == sorted(reported) and 0 < reported[0] < reported[-1] <= 1
    assert asked >= 5
    for turn in (1, asked // 2, asked):
        calls = iter(range(1, asked + 1))
        with pytest.raises(Cancelled):
            engine.generate(
                person(0), garment("t-shirt"), "upper", 1, 1, is_cancelled=lambda c=calls, t=turn: next(c) == t
            )
        assert next(calls, None) == (turn + 1 if turn < asked else None), "nothing is done after it was cancelled"


def test_the_models_are_small_and_reproduce_their_golden_outputs(engine: Compact) -> None:
    entries = onnx.manifests()
    assert sum(entries[name].bytes for name in NAMES) <= 40_000_000
    assert all(entries[name].golden for name in NAMES)


def test_a_network_with_other_outputs_is_refused(
    local: dict[str, str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        for path in MODELS.glob(f"{name}.*"):
            if path.suffix in (".json", ".onnx", ".png") and ".fp32." not in path.name:
                (tmp_path / path.name).write_bytes(path.read_bytes())
    golden = tmp_path / "pose_landmarks.golden.json"
    golden.write_text(golden.read_text().replace("1", "9"))
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    from shared.settings import forget

    forget()
    onnx.forget()
    with pytest.raises(ConfigurationError, match="golden"):
        Compact().load()
    onnx.forget()
