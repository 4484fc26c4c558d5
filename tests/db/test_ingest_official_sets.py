"""Public datasets in their official formats, read into a real library."""

import csv
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.ingest import ingest_images, ingest_literature
from tools.protocols import ImageFeatures, Vectors

pytestmark = pytest.mark.db


class Brightness:
    """A vision model and a text encoder in ten lines: one number."""

    name, embedding_dim, dimension, normalised = "brightness", 1, 1, True

    def look(self, images: Sequence[Image.Image]) -> ImageFeatures:
        return ImageFeatures([np.asarray(i).mean() for i in images], len(images))

    def embed_image(self, features: ImageFeatures) -> Vectors:
        return np.ones((features.n, 1), np.float32)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return np.ones((len(texts), 1), np.float32)

    encode_queries = encode_passages


def picture(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", (8, 8), (grey, grey, grey, 255)).save(path)


def nearest(store, number: int) -> list:
    return store.similar_images("brightness", np.ones(1, np.float32), number)


def test_chest_radiographs_arrive_with_their_findings_and_licence(store, tmp_path):
    picture(tmp_path / "images_001" / "images" / "a.png", 9)
    (tmp_path / "Data_Entry_2017_v2020.csv").write_text(
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
        "a.png,Cardiomegaly|Effusion,0,1,057Y,M,PA,2682,2749,0.143,0.143\n"
        "b.png,No Finding,0,2,57,M,PA,2682,2749,0.143,0.143\n"
    )
    report = ingest_images(tmp_path, store=store, model=Brightness(), layout="chestxray14")
    assert (report.done, report.skipped) == (1, ())
    (case,) = nearest(store, 2)
    assert case.labels == {"findings": "cardiomegaly, effusion", "view": "PA"}
    assert case.licence.startswith("no restrictions")
    assert store.image(case.image_id).group == "1"


def test_fundus_photographs_arrive_with_their_grade_and_the_others_are_named(store, tmp_path):
    (tmp_path / "train.csv").write_text("id_code,diagnosis\na,4\n")
    (tmp_path / "test.csv").write_text("id_code\nb\n")
    picture(tmp_path / "train_images" / "a.png", 9)
    picture(tmp_path / "test_images" / "b.png", 10)
    report = ingest_images(tmp_path, store=store, model=Brightness(), layout="aptos")
    assert report.done == 1
    assert "never released" in report.skipped[0][1]
    assert nearest(store, 2)[0].labels == {"diabetic_retinopathy": "proliferative"}


def test_notes_arrive_as_articles_and_those_in_error_are_named(store, tmp_path):
    columns = ["ROW_ID", "SUBJECT_ID", "HADM_ID", "CATEGORY", "DESCRIPTION", "ISERROR", "TEXT"]
    with (tmp_path / "NOTEEVENTS.csv").open("w") as file:
        csv.writer(file).writerows(
            [columns, [7, 1, 2, "Echo", "Report", "", 'A "large"\nventricle.'],
             [8, 1, "", "ECG", "Report", "1", "Wrong."]]
        )  # fmt: skip
    report = ingest_literature(tmp_path, store=store, encoder=Brightness(), format="mimic")
    assert report.done == 1
    assert "ISERROR" in report.skipped[0][1]
    (hit,) = store.lexical_passages("ventricle", 5)
    found = store.evidence({hit.passage_id: 0.0})[hit.passage_id]
    assert (found.source_id, found.pmid, found.passage) == ("mimic:7", None, 'A "large" ventricle.')


def test_images_arrive_out_of_a_shard_and_what_laion_filters_does_not(store, tmp_path):
    picture(tmp_path / "a.png", 9)
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        for key, unsafe in (("000000000", 0.1), ("000000001", 0.9)):
            said = tmp_path / f"{key}.json"
            said.write_text(json.dumps({"caption": "a grey square", "punsafe": unsafe}))
            tar.add(tmp_path / "a.png", f"{key}.png")
            tar.add(said, said.name)
            picture(tmp_path / "a.png", 10)
    report = ingest_images(tmp_path, store=store, model=Brightness(), layout="laion")
    assert (report.done, len(report.skipped)) == (1, 1)
    assert report.skipped[0][1] == "its punsafe is not below 0.5"
    (case,) = nearest(store, 2)
    assert (case.caption, case.source) == ("a grey square", "laion")
    assert ingest_images(tmp_path, store=store, model=Brightness(), layout="laion").unchanged == 1


def test_an_instruction_arrives_as_the_caption_of_its_image(store, tmp_path):
    picture(tmp_path / "images_191task_1k" / "a.png", 9)
    turns = [{"from": "human", "value": "<image>\nwhat?"}, {"from": "gpt", "value": "a square"}]
    record = {"id": "1", "image": "a.png", "task_name": "naming", "conversations": turns}
    (tmp_path / "annotation_191-task_1k.json").write_text(json.dumps([record]))
    report = ingest_images(tmp_path, store=store, model=Brightness(), layout="vision-flan")
    assert (report.done, report.skipped) == (1, ())
    assert nearest(store, 1)[0].caption == "Question: what? Answer: a square"
