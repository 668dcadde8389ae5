"""Other people's CLIP as our pair: exported by the real command, and embedded with by the product's own code.

The models are random and tiny. What needs torch and transformers runs in the environment of the export, and is skipped
where that has not been made: `./studio test --models` makes it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from model_hub import serving
from PIL import Image
from studio_command import studio

from cli import models_env, models_gates
from shared import onnx
from shared.errors import ConfigurationError
from shared.vision import embedding

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
REPO, COMMIT = "someone/tiny-clip", "0123456789abcdef0123456789abcdef01234567"
CONTEXT = 16
TEXTS = ["red dress", "Navy  BLUE skirt!", "robe d'été", "coat " * 40, ""]

needs_environment = pytest.mark.skipif(
    not models_env.ready(), reason="the environment of the export is not there: ./studio test --models makes it"
)


def models(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # torch's threads cost more than they bring to models as small as these
    return studio("models", *arguments, OMP_NUM_THREADS="1", **environment)


def exported(*arguments: str, **environment: str) -> dict[str, Any]:
    done = models("export", "clip", *arguments, "--json", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def refused(*arguments: str, **environment: str) -> str:
    done = models("export", "clip", *arguments, **environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def noise(count: int, seed: int = 3) -> Iterator[Image.Image]:
    """Blotchy pictures of several shapes."""
    random = np.random.default_rng(seed)
    for number in range(count):
        blotches = Image.fromarray(random.integers(0, 256, (4, 3, 3), np.uint8))
        yield blotches.resize(((37, 60), (81, 50), (64, 64))[number % 3], Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`clip` and `siglip` as `save_pretrained` writes them."""
    folder = tmp_path_factory.mktemp("tiny")
    script = Path(__file__).with_name("tiny_clip.py")
    subprocess.run([models_env.PYTHON, script, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    for number, picture in enumerate(noise(30)):
        picture.save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def clip(tiny: Path, gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """CLIP in int8 from the hub, measured on a folder of pictures."""
    made = tmp_path_factory.mktemp("clip")
    with serving() as hub:
        for path in (tiny / "clip").iterdir():
            hub.files[(REPO, COMMIT, path.name)] = path.read_bytes()
        return exported(
            "--from", REPO, "--gallery", str(gallery), "--out", str(made / "out"),
            HF_ENDPOINT=hub.url, HF_HOME=str(made / "home"), HF_TOKEN="",
        )  # fmt: skip


@pytest.fixture(scope="session")
def siglip(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """SigLIP in fp32 from a folder, measured on drawn garments."""
    out = tmp_path_factory.mktemp("siglip") / "out"
    return exported("--from", str(tiny / "siglip"), "--precision", "fp32", "--licence", "mit", "--out", str(out))


@pytest.fixture
def use(change: Callable[..., None]) -> Iterator[Callable[[Path], Path]]:
    """Switches the product in this process to a folder of models."""

    def use(folder: Path) -> Path:
        change(MODELS_DIR=str(folder))
        onnx.forget()
        return folder

    yield use
    onnx.forget()


@pytest.fixture
def pair(clip: dict[str, Any], tmp_path: Path, use: Callable[[Path], Path]) -> Path:
    """A copy of the CLIP pair that a test may spoil, in use."""
    return use(shutil.copytree(clip["folder"], tmp_path / "pair"))


def spoil(folder: Path, id: str, **fields: Any) -> None:
    path = folder / f"{id}.manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    onnx.forget()


@needs_environment
def test_clip_becomes_a_pair_of_int8_files_that_passed_the_gates(clip: dict[str, Any]) -> None:
    image, text = clip["models"]
    report = clip["report"]
    assert report["gallery"] == 30
    for name in ("image", "text"):
        assert report[f"{name}_cosine_lowest"] >= 0.999
        assert report[f"{name}_nearest_kept"] >= 0.95
    assert (image["id"], text["id"]) == ("fashion_image", "fashion_text")
    assert {image["precision"], text["precision"]} == {"int8"}
    assert clip["licence"] == image["licence"] == text["licence"] == "cc-by-nc-4.0"
    assert image["source"] == {"repo": REPO, "revision": COMMIT, "model_type": "clip"}
    assert (image["quality"], text["vocabulary"]) == ("byo", "open")
    assert image["input"]["resize"] == "shortest_crop" and image["input"]["resample"] == "pillow_bicubic"
    assert image["input"]["size"] == [32, 32] and image["input"]["mean"] == [0.48145466, 0.4578275, 0.40821073]
    assert text["tokenizer"]["pad_id"] == text["tokenizer"]["eos_id"] and text["tokenizer"]["context"] == CONTEXT
    assert image["golden"]["tolerance"]["cosine"] == {"fp32": 0.9999, "int8": 0.999}


@needs_environment
def test_siglip_in_fp32_answers_as_torch_does(siglip: dict[str, Any]) -> None:
    report = siglip["report"]
    assert report["image_difference"] <= 1e-5 and report["text_difference"] <= 1e-5
    assert report["image_nearest_kept"] == report["text_nearest_kept"] == 1
    image, text = siglip["models"]
    assert image["input"]["resize"] == "stretch"
    assert siglip["licence"] == image["licence"] == "mit"
    assert image["standardise"] != text["standardise"]
    assert len(text["tokenizer"]["sha256"]) == 64


@needs_environment
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_product_embeds_with_it(kind: str, request: pytest.FixtureRequest, use: Callable[[Path], Path]) -> None:
    found = request.getfixturevalue(kind)
    use(Path(found["folder"]))
    image, text = found["models"]
    pair = embedding.identity()
    assert (pair.dim, pair.joint, pair.quality, pair.vocabulary) == (image["dim"], image["dim"], "byo", "open")
    assert pair.standardise["text"] == (text["standardise"]["mean"], text["standardise"]["sd"])
    pictures = [np.asarray(picture) for picture in noise(5, seed=8)]
    seen = embedding.embed_images(pictures)
    assert all(one.map is None and one.vector == pytest.approx(one.joint, abs=1e-6) for one in seen)
    assert seen[0].model == f"fashion_image@{image['sha256'][:12]}"
    # activations of int8 files are measured over the batch
    near = 1e-5 if image["precision"] == "fp32" else 0.05
    for size in (1, 2, 5):
        batch = embedding.embed_images(pictures[:size])
        for one, reference in zip(batch, seen, strict=False):
            assert np.linalg.norm(one.vector) == pytest.approx(1, abs=1e-5)
            assert one.vector == pytest.approx(reference.vector, abs=near)
    read = [embedding.embed_text(each).vector for each in TEXTS]
    assert all(vector.shape == (pair.dim,) and np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) for vector in read)
    assert embedding.embed_text("RED   Dress").vector == pytest.approx(read[0], abs=1e-6)
    assert float(read[0] @ read[1]) < 0.9999


@needs_environment
def test_the_listing_shows_it_beside_the_shipped_models(clip: dict[str, Any]) -> None:
    done = models("list", "--json", MODELS_DIR=clip["folder"])
    rows = {row["id"]: row for row in json.loads(done.stdout)["models"]}
    assert rows["fashion_image"]["health"] == rows["fashion_text"]["health"] == "ok"
    assert rows["fashion_image"]["quality"] == "byo" and rows["fashion_image"]["licence"] == "cc-by-nc-4.0"
    assert set(rows) == set(shipped()), "the folder can be the whole MODELS_DIR"
    assert not [path for path in Path(clip["folder"]).iterdir() if path.name == "fashion_image.fp32.onnx"]


@needs_environment
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_how_the_caller_pads_changes_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(kind)
    pad, end = (found["models"][1]["tokenizer"][name] for name in ("pad_id", "eos_id"))
    session = onnxruntime.InferenceSession(Path(found["folder"]) / "fashion_text.onnx")
    answers = []
    for length in (4, 7, CONTEXT):
        ids = np.full((2, length), pad, np.int64)
        ids[:, :4] = [5, 9, 7, end]
        mask = (np.arange(length) < 4).astype(np.int64)[None].repeat(2, 0)
        answers.append(session.run(["text_embeds"], {"input_ids": ids, "attention_mask": mask})[0])
    near = 1e-5 if found["models"][1]["precision"] == "fp32" else 0.05
    assert answers[0] == pytest.approx(answers[1], abs=near)
    assert answers[0] == pytest.approx(answers[2], abs=near)


@needs_environment
@pytest.mark.parametrize(
    "wrong",
    [{"resize": "stretch"}, {"resample": "pillow_nearest"}, {"mean": [0.5, 0.5, 0.5]}, {"channel_order": "BGR"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_picture_prepared_in_another_way_shows_on_the_golden_pictures(pair: Path, wrong: dict[str, Any]) -> None:
    entry = json.loads((pair / "fashion_image.manifest.json").read_text())
    spoil(pair, "fashion_image", input=entry["input"] | wrong)
    with pytest.raises(ConfigurationError, match=r"golden picture \d is .*, expected at least 0.999"):
        embedding.embed_image(np.asarray(next(noise(1))))


@needs_environment
def test_another_tokenizer_shows_on_the_golden_texts(pair: Path) -> None:
    path = pair / "fashion_text.tokenizer.json"
    path.write_text(path.read_text().replace('"Lowercase"', '"NFD"'))
    with pytest.raises(ConfigurationError, match="is not the tokenizer of"):
        embedding.embed_text("Red dress")
    entry = json.loads((pair / "fashion_text.manifest.json").read_text())
    spoil(pair, "fashion_text", tokenizer=entry["tokenizer"] | {"sha256": sha256(path)})
    with pytest.raises(ConfigurationError, match=r"golden text \d is"):
        embedding.embed_text("Red dress")


@needs_environment
def test_another_file_than_the_manifests_is_refused_and_a_missing_one_named(pair: Path) -> None:
    path = pair / "fashion_text.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="expected sha256"):
        embedding.embed_text("red dress")
    done = models("list", MODELS_DIR=str(pair))
    assert done.returncode == 1 and "fashion_text.onnx is not the file of the manifest" in done.stdout
    (pair / "fashion_image.onnx").unlink()
    onnx.forget()
    with pytest.raises(ConfigurationError, match=r"fashion_image\.onnx is missing") as missing:
        embedding.embed_image(np.asarray(next(noise(1))))
    assert missing.value.code == "model_missing"


@needs_environment
def test_the_gates_refuse_files_that_answer_another_thing_than_torch(
    clip: dict[str, Any], tmp_path: Path, use: Callable[[Path], Path]
) -> None:
    folder = use(Path(clip["folder"]))
    (tmp_path / "gallery").mkdir()
    pictures = list(noise(30, seed=5))
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / "gallery" / f"{number:02}.png")
    texts = [f"{colour} {garment}" for colour in ("red", "blue", "green") for garment in ("dress", "skirt", "coat")]
    (tmp_path / "texts.json").write_text(json.dumps({"gallery": texts}))
    images = np.stack([embedding.embed_image(np.asarray(picture)).vector for picture in pictures])
    read = np.stack([embedding.embed_text(text).vector for text in texts])

    def judged(recipe: str, images: Any, read: Any) -> str:
        np.savez(tmp_path / "reference.npz", gallery_images=images, gallery_texts=read)
        return models_gates.refusal(models_gates.measure(folder, tmp_path, (recipe, recipe)))

    assert judged("fp32", images, read) == judged("int8", images, read) == ""
    noisy = images + np.random.default_rng(1).normal(0, 2e-4, images.shape)
    assert "images differ from torch by" in judged("fp32", noisy, read)
    assert judged("int8", noisy / np.linalg.norm(noisy, axis=1, keepdims=True), read) == ""
    turned = images[:, ::-1]
    assert "the lowest cosine of images" in judged("int8", turned, read)
    assert "nearest stay for text queries" in judged("int8", turned, read)


def test_how_many_of_the_nearest_stay_is_counted() -> None:
    random = np.random.default_rng(4)
    items = random.normal(size=(50, 8))
    assert models_gates.overlap(items, items, items, items, itself=False) == 1
    other = random.normal(size=(50, 8))
    assert models_gates.overlap(other, other, items, items, itself=False) == pytest.approx(10 / 49, abs=0.08)


def test_a_missing_python_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FOLDER", "PYTHON", "STAMP"):
        monkeypatch.setattr(models_env, name, tmp_path / name)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("STUDIO_TRAINING_PYTHON", sys.executable)
    assert not models_env.ready()
    with pytest.raises(models_env.EnvironmentMissing, match=r"Python 3\.11 is missing: install it"):
        models_env.ensure(lambda line: None)


def test_too_small_a_gallery_is_refused(tmp_path: Path) -> None:
    next(noise(1)).save(tmp_path / "one.png")
    assert "holds 1 pictures: at least 30 are needed" in refused("--from", "a/b", "--gallery", str(tmp_path))


@needs_environment
def test_what_is_no_model_is_refused_in_one_line(tiny: Path, gallery: Path, tmp_path: Path) -> None:
    measured = ("--gallery", str(gallery), "--out", str(tmp_path / "out"))
    assert "neither a folder nor a repository" in refused("--from", "nowhere", *measured)
    folder = shutil.copytree(tiny / "clip", tmp_path / "model")
    (folder / "model.safetensors").unlink()
    assert "holds no weights that transformers reads" in refused("--from", str(folder), *measured)
    (folder / "model.safetensors").touch()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert "model (bert) is no model of an image and a text tower" in refused("--from", str(folder), *measured)
    (folder / "open_clip_config.json").write_text("{}")
    assert "is in the format of open_clip" in refused("--from", str(folder), *measured)
    (folder / "config.json").unlink()
    assert "holds no config.json" in refused("--from", str(folder), *measured)
    assert not (tmp_path / "out").exists()


@needs_environment
def test_a_hub_that_cant_be_reached_or_lacks_the_model_is_named(gallery: Path, tmp_path: Path) -> None:
    measured = ("--gallery", str(gallery), "--out", str(tmp_path / "out"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = {"HF_ENDPOINT": f"http://127.0.0.1:{unused.getsockname()[1]}", "HF_HOME": str(tmp_path)}
        assert "the hub can't be reached" in refused("--from", REPO, *measured, **dead)
    with serving() as hub:
        empty = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_TOKEN": ""}
        assert f"the hub has no model {REPO}" in refused("--from", REPO, *measured, **empty)
        hub.files[(REPO, COMMIT, "README.md")] = b"no weights"
        assert f"{REPO} holds no weights" in refused("--from", REPO, *measured, **empty)


def shipped() -> list[str]:
    return [path.name.removesuffix(".manifest.json") for path in (ROOT / "models_onnx").glob("*.manifest.json")]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
