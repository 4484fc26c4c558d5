"""The lite checkpoint: its data, its batches, its training loop, and the shipped folder."""

import hashlib
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from transformers import AutoProcessor, PaliGemmaForConditionalGeneration

from agent import prompts
from agent.paligemma import load_paligemma
from finetune.data import bccd, chula_rbc12, pbc_wbcatt
from finetune.data.example import Example, Instance
from finetune.data.splits import side_of, split
from finetune.lite import tasks
from finetune.lite.__main__ import main
from finetune.lite.augment import view
from finetune.lite.batch import IGNORED, Encoder, Sample, packed_mask, sample
from finetune.lite.curve import Curve
from finetune.lite.heads import LOCAL_WIDTH, local_loss
from finetune.lite.int8 import pack, unpack
from finetune.lite.model import IMAGE_TOKENS, PATCH, SIDE, build, processor
from finetune.lite.run import Recipe
from finetune.lite.teacher import Teacher, TeacherRun, load_teacher
from finetune.lite.train import Batch, LiteRun, answers_loss, drop_tokens, export, see
from tools.errors import BadInputError
from tools.findings import KINDS, QUESTIONS, facts_in

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "agent" / "checkpoints" / "lite"
CSV = (
    "img_name,label,cell_size,cell_shape,nucleus_shape,nuclear_cytoplasmic_ratio,"
    "chromatin_density,cytoplasm_vacuole,cytoplasm_texture,cytoplasm_colour,granule_type,"
    "granule_colour,granularity,path\n"
)
LEUKOCYTE = "big,round,unsegmented-band,low,densely,no,clear,light blue,small,pink,yes"


def pixels(seed: int, side: int = 64) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side)))


def leukocyte(seed: int, **changes: object) -> Example:
    facts = {
        "subject": "single blood cell",
        "modality": "stained blood smear",
        "stain": "Romanowsky",
        "cell_type": "neutrophil" if seed % 2 else "lymphocyte",
    }
    fields = {
        "name": f"{seed}.jpg",
        "pixels": pixels(seed),
        "kind": "cell",
        "facts": facts,
        "source": "pbc_wbcatt",
        "licence": "CC BY 4.0",
        "group": str(seed),
    }
    return Example(**(fields | changes))


@pytest.fixture(scope="module")
def made():
    return processor()


@pytest.fixture
def tiny(made):
    torch.manual_seed(0)
    return build(made, width=64, layers=1, decoder_layers=1)


RECIPE = Recipe(steps=4, batch=2, kept=0.5, whole_from=0.7, text_share=0.7, still=0.3)


@pytest.fixture
def trainer(made, tiny) -> LiteRun:
    return LiteRun(RECIPE, made, tiny, [leukocyte(seed) for seed in range(6)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "pbc_wbcatt"
    images = folder / "PBC_dataset_normal_DIB" / "neutrophil"
    images.mkdir(parents=True)
    rows = []
    for seed in range(4):
        Image.fromarray(pixels(seed)).save(images / f"BNE_{seed}.jpg")
        rows.append(f"BNE_{seed}.jpg,Neutrophil,{LEUKOCYTE},x")
    (folder / "pbc_attr_v1_train.csv").write_text(CSV + "\n".join(rows[:3]) + "\n")
    (folder / "pbc_attr_v1_val.csv").write_text(CSV + rows[3] + "\n")
    return folder


def random_facts(kind: str, rng: random.Random) -> dict[str, str]:
    facts = {q.name: rng.choice(q.options) for q in QUESTIONS if kind in q.applies_to}
    coloured = facts.get("granularity") == "yes"
    for name in ("granule_type", "granule_colour"):
        if name in facts:
            options = next(q.options for q in QUESTIONS if q.name == name)
            facts[name] = rng.choice(options[:-1]) if coloured else options[-1]
    if kind in ("cell", "smear", "red_cell"):
        facts |= {"modality": "stained blood smear", "stain": "Romanowsky"}
    if kind == "tissue":
        facts |= {"modality": "stained histology", "stain": "hematoxylin and eosin"}
    return facts | ({"count:nucleus": str(rng.randrange(200))} if kind == "nuclei" else {})


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_says_the_truth_and_nothing_else(kind):
    rng = random.Random(0)
    for _ in range(50):
        facts = random_facts(kind, rng)
        _, text = tasks.describe(kind, facts, rng)
        said = facts_in(text)
        assert said.items() <= facts.items() | {("subject", said.get("subject"))}
        assert len(said) >= 3


def test_a_question_that_does_not_fit_is_answered_so():
    prompt, answer = tasks.inapplicable("tissue", random.Random(0))
    assert prompt.startswith("answer en ") and answer == "not applicable"


def test_detection_lists_boxes_in_paligemmas_order():
    cell = Instance("platelet", (0.25, 0.5, 0.5, 0.75), 0.0625)
    assert tasks.detect("platelet", [cell]) == (
        "detect platelet",
        "<loc0516><loc0260><loc0772><loc0516> platelet",
    )
    assert tasks.detect("nucleus", [cell]) == ("detect nucleus", "none")


def test_boxes_follow_the_view():
    image = np.zeros((96, 96, 3), np.uint8)
    image[12:36, 48:72] = 255
    spot = Instance("nucleus", (0.5, 0.125, 0.75, 0.375), 1 / 16)
    facts = {"modality": "fluorescence microscopy"}
    example = leukocyte(0, pixels=image, kind="nuclei", facts=facts, instances=(spot,))
    for seed in range(40):
        shown, found = view(example, SIDE, random.Random(seed))
        for instance in found:
            left, top, right, bottom = (round(v * (SIDE - 1)) for v in instance.box)
            assert shown[(top + bottom) // 2, (left + right) // 2].min() > 100


def test_counts_are_of_what_the_view_holds():
    spots = [Instance("nucleus", (0.1, 0.1, 0.2, 0.2), 0.01)] * 2
    facts = tasks.view_facts({"modality": "fluorescence microscopy"}, spots, ["nucleus"])
    assert facts["count:nucleus"] == "2" and facts["nuclei_range"] == "0 to 10"
    assert tasks.view_facts({}, [], ["platelet"])["platelet_range"] == "no"


def test_wbcatt_attributes_are_read_in_plain_words(data):
    example = next(pbc_wbcatt.examples(data))
    assert example.facts["nucleus_shape"] == "band"
    assert example.facts["chromatin_density"] == "dense"
    assert example.official_split == "train"


def test_the_official_validation_set_is_never_trained_on(data):
    sides = {e.name: side_of(e) for e in pbc_wbcatt.examples(data)}
    assert sides.pop("BNE_3.jpg") in ("dev", "test")
    assert set(sides.values()) == {"train"}


def test_degenerate_and_repeated_boxes_are_left_out(tmp_path):
    box = "<object><name>RBC</name><bndbox>{}</bndbox></object>"
    good = "<xmin>0</xmin><ymin>0</ymin><xmax>5</xmax><ymax>5</ymax>"
    flat = "<xmin>3</xmin><ymin>0</ymin><xmax>3</xmax><ymax>5</ymax>"
    objects = "".join(box.format(b) for b in (good, good, flat))
    size = "<size><width>10</width><height>10</height></size>"
    path = tmp_path / "a.xml"
    path.write_text(f"<annotation>{size}{objects}</annotation>")
    assert bccd.read_boxes(path) == (Instance("red blood cell", (0, 0, 0.5, 0.5), 0.25),)


def test_a_cell_at_the_border_is_not_cut_out():
    image = np.zeros((480, 640, 3), np.uint8)
    assert chula_rbc12.cut(image, 10, 200) is None
    assert chula_rbc12.cut(image, 320, 240).shape == (80, 80, 3)


def test_a_near_duplicate_is_refused_on_the_training_side():
    one = leukocyte(1, official_split="train")
    copy = leukocyte(1, name="copy.jpg", pixels=pixels(1) // 2 * 2, official_split="test")
    other = leukocyte(2, official_split="train")
    parts, refused = split([one, copy, other])
    assert refused == [one] and parts["train"] == [other] and parts["test"] == [copy]


def test_any_text_survives_the_tokenizer(made):
    words = made.tokenizer
    for text in ("What cell is this?", "Zürich 漢字 42 µm", "<loc0004><loc0516>"):
        ids = words(text, add_special_tokens=False).input_ids
        assert words.decode(ids) == text
    assert len(words("<loc1020>", add_special_tokens=False).input_ids) == 1
    assert len(words("white blood cell", add_special_tokens=False).input_ids) == 3


def test_training_rows_are_what_the_processor_makes(made):
    row = Encoder(made).plain([("describe en", "A cell.")])
    image = Image.fromarray(pixels(0))
    stock = made(images=image, text="<image>describe en", suffix="A cell.", return_tensors="pt")
    assert row.ids.tolist() == stock["input_ids"].tolist()
    assert row.labels.tolist() == stock["labels"].tolist()
    assert row.segments.tolist() == stock["token_type_ids"].tolist()


def test_the_plain_loss_is_that_of_the_stock_class(made, tiny):
    drawn = ("answer en what cell is this?", "neutrophil")
    none = np.full(len(QUESTIONS), IGNORED)
    empty = np.zeros((4, IMAGE_TOKENS), np.float32)
    one = Sample(pixels(0, SIDE), [drawn], none, none, empty, np.zeros(4, np.float32))
    image = Image.fromarray(one.pixels)
    inputs = made(images=image, text=f"<image>{drawn[0]}", suffix=drawn[1], return_tensors="pt")
    seen = inputs["pixel_values"]
    batch = Batch("text", True, True, [one], seen, None, random.Random(0))
    with torch.autocast("cpu", enabled=False), torch.no_grad():
        ours = answers_loss(tiny.eval(), Encoder(made), batch, see(tiny, seen, None), None)
        assert torch.allclose(ours, tiny(**inputs).loss, rtol=0.01)  # bfloat16, where it is fast


def test_dropped_tokens_leave_the_others_in_order_and_place(made, tiny):
    kept = drop_tokens(0.5, 2, IMAGE_TOKENS, random.Random(0))
    assert kept.shape == (2, IMAGE_TOKENS // 2) and (kept.diff() > 0).all()
    rows = Encoder(made).packed([sample(leukocyte(1), 2, random.Random(0))] * 2, kept)
    assert torch.equal(rows.positions[:, : kept.shape[1]], kept + 1)
    assert rows.positions[0, kept.shape[1]] == IMAGE_TOKENS + 1
    assert drop_tokens(1.0, 2, IMAGE_TOKENS, random.Random(0)) is None


def test_similar_cases_stand_in_the_prompt_and_are_not_always_right():
    question = next(q for q in QUESTIONS if q.name == "cell_type")
    rng = random.Random(0)
    lists = [tasks.similar_cases(question, "neutrophil", rng) for _ in range(200)]
    right = sum(labels.count("neutrophil") for labels in lists) / sum(map(len, lists))
    assert 0.5 < right < 0.9 and {label for labels in lists for label in labels} > {"neutrophil"}
    assert prompts.given_cases("describe en", ["a", "b"]) == "describe en given cases: a, b"
    assert prompts.given_cases("describe en", []) == "describe en"


def test_the_teacher_is_read_without_being_trained(tmp_path):
    run = TeacherRun(Recipe(steps=1, batch=2), [leukocyte(seed) for seed in range(4)])
    stem = run.teacher.network._conv_stem.weight.clone()
    assert [set(losses) for losses in run.run()] == [{"options"}]
    assert torch.equal(run.teacher.network._conv_stem.weight, stem)
    run.save(tmp_path / "teacher.pt")
    again = load_teacher(tmp_path / "teacher.pt")
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_step_with_a_teacher_learns_from_it(made, tiny):
    teacher = Teacher().eval().requires_grad_(False)
    recipe = Recipe(steps=2, batch=2, text_from=2.0, mixed=0.5)
    run = LiteRun(recipe, made, tiny, [leukocyte(seed) for seed in range(4)], teacher)
    for losses in run.run():
        assert {"taught", "features", "local"} <= set(losses)


def test_a_token_learns_from_the_teachers_maps_at_its_place():
    teacher = Teacher().eval().requires_grad_(False)
    pixels = torch.zeros(2, 3, SIDE, SIDE)
    pixels[0, :, :40, :40] = torch.rand(3, 40, 40) * 2 - 1
    local = teacher(pixels).local
    assert local.shape == (2, IMAGE_TOKENS, LOCAL_WIDTH)
    apart = (local[0] - local[1]).abs().mean(1).view(SIDE // PATCH, SIDE // PATCH)
    assert apart[:3, :3].mean() > 2 * apart[-3:, -3:].mean()
    kept = torch.tensor([[0, 5], [7, 9]])
    seen = torch.stack([local[0, kept[0]], local[1, kept[1]]])
    assert local_loss(seen, local, kept) == 0 < local_loss(torch.zeros_like(local), local, None)


def test_the_curve_grows_by_a_row_with_its_figures(trainer, tmp_path):
    curve = Curve(tmp_path / "run.csv", [leukocyte(seed) for seed in range(4)])
    for losses in trainer.run():
        curve.add(losses)
        curve.write(trainer, trainer.reader)
    lines = (tmp_path / "run.csv").read_text().splitlines()
    assert len(lines) == 1 + RECIPE.steps
    assert "dev_cell_type" in lines[0] and "loss_options" in lines[0]


def test_in_a_packed_row_tasks_do_not_see_each_other(made):
    one = sample(leukocyte(1), 3, random.Random(0))
    rows = Encoder(made).packed([one])
    mask = packed_mask(rows.segments)[0, 0]
    first, second = (
        (rows.segments[0] == 1).nonzero()[-1, 0],
        (rows.segments[0] == 2).nonzero()[0, 0],
    )
    assert not mask[second, first] and mask[second, :IMAGE_TOKENS].all()
    assert not mask[:IMAGE_TOKENS, IMAGE_TOKENS:].any()


def test_a_resumed_run_takes_the_steps_of_an_unbroken_one(made, trainer, tmp_path):
    next(trainer.run())
    trainer.save(tmp_path / "state.pt")
    unbroken = list(trainer.run())
    torch.manual_seed(9)
    fresh = build(made, width=64, layers=1, decoder_layers=1)
    again = LiteRun(trainer.recipe, made, fresh, [leukocyte(seed) for seed in range(6)])
    again.resume(tmp_path / "state.pt")
    assert again.step == 1
    assert list(again.run()) == unbroken


def test_the_saved_folder_loads_with_the_stock_class(trainer, tmp_path):
    next(trainer.run())
    export(trainer.model, trainer.processor, tmp_path)
    stock = PaliGemmaForConditionalGeneration.from_pretrained(tmp_path)
    assert stock.dtype == torch.bfloat16
    assert AutoProcessor.from_pretrained(tmp_path).image_seq_length == IMAGE_TOKENS
    names = dict(stock.named_parameters())
    assert not any("heads" in name for name in names)


def test_packed_weights_come_back_nearly_the_same(trainer, tmp_path):
    export(trainer.model, trainer.processor, tmp_path / "whole")
    written = pack(tmp_path / "whole", tmp_path / "packed")
    assert written.stat().st_size < 0.6 * (tmp_path / "whole" / "model.safetensors").stat().st_size
    unpack(tmp_path / "packed", tmp_path / "whole", tmp_path / "again")
    again = PaliGemmaForConditionalGeneration.from_pretrained(tmp_path / "again").state_dict()
    for name, weight in trainer.model.state_dict().items():
        assert (weight - again[name]).abs().max() <= weight.abs().max() / 100, name
    with pytest.raises(BadInputError, match=r"has no model\.int8\.safetensors"):
        unpack(tmp_path, tmp_path / "whole", tmp_path / "other")


def test_a_folder_without_training_sets_is_refused(tmp_path):
    out = str(tmp_path / "run")
    result = CliRunner().invoke(main, ["pretrain", "--data", str(tmp_path), "--out", out])
    assert result.exit_code == 1 and "no training set below" in result.output


def test_a_run_is_neither_overwritten_nor_resumed_from_nothing(tmp_path):
    arguments = ["pretrain", "--data", str(tmp_path), "--out", str(tmp_path)]
    result = CliRunner().invoke(main, [*arguments, "--resume"])
    assert result.exit_code == 1 and "nothing to resume" in result.output
    (tmp_path / "pretrain.pt").touch()
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1 and "--resume" in result.output


@pytest.mark.slow
def test_the_commands_train_all_three_lines_and_a_stopped_one_goes_on(data, tmp_path):
    def command(line: str, steps: int, *more: str) -> list[str]:
        ran = [sys.executable, "-m", "finetune.lite", line, "--data", str(data.parent)]
        return [*ran, "--batch", "1", "--steps", str(steps), "--out", str(tmp_path / line), *more]

    first = ("--teacher-minutes", "0")
    with subprocess.Popen(
        command("pretrain", 9999, *first), stdout=subprocess.PIPE, text=True
    ) as run:
        next(line for line in run.stdout if line.startswith("step 25"))
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 1
    for line in (
        command("pretrain", 26, *first, "--resume"),
        command("finetune", 1, "--start", str(tmp_path / "pretrain")),
        command("adapt", 1, "--start", str(tmp_path / "finetune")),
    ):
        ran = subprocess.run(line, capture_output=True, text=True, timeout=240)
        assert "done:" in ran.stdout, ran.stderr
    folders = str(tmp_path / "finetune" / "checkpoint"), str(tmp_path / "adapt" / "adapter")
    model = load_paligemma(folders[0], adapter=folders[1])
    assert model.look([Image.fromarray(pixels(1))]).n == 1


def test_the_shipped_weights_are_those_of_the_card():
    card = (SHIPPED / "README.md").read_text()
    digest = hashlib.sha256((SHIPPED / "model.safetensors").read_bytes()).hexdigest()
    assert re.search(r"\b[0-9a-f]{64}\b", card)[0] == digest
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 25e6


def test_the_shipped_model_describes_an_image():
    model = load_paligemma(str(SHIPPED))
    features = model.look([Image.fromarray(pixels(3, 224))])
    assert model.describe(features)[0].text
    scores = model.score(features, "which imaging modality is this?", ["stained blood smear", "x"])
    assert scores.shape == (1, 2) and scores.sum() == pytest.approx(1)


@pytest.mark.shared
def test_the_shipped_model_tells_two_leukocytes_apart(shared_data):
    root = shared_data / "pbc_wbcatt"
    rows = (root / "pbc_attr_v1_val.csv").read_text().splitlines()
    wanted = {"eosinophil": "EO_", "lymphocyte": "LY_"}
    model = load_paligemma(str(SHIPPED))
    for name, prefix in wanted.items():
        paths = [r.split(",")[-1] for r in rows if r.startswith(prefix)][:20]
        images = [Image.open(root / path).convert("RGB") for path in paths]
        answers = model.answer(model.look(images), "which type of blood cell is this?")
        assert sum(answer.text == name for answer in answers) > len(paths) / 2


def test_prompts_of_training_are_those_of_serving():
    drawn = tasks.closed(QUESTIONS[0], {QUESTIONS[0].name: "tissue section"}, random.Random(4))
    assert drawn[0].startswith(prompts.answer("x")[:-1])
