"""What a search found, as JSON values and in words; keys are only ever added."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from eval.descriptions import Estimate
from finetune.prompt_search.candidates import HAND_WRITTEN, HardPrompt
from finetune.prompt_search.search import Found, Tested

Told = dict[str, Any]
SOFT = "soft prompt"


def as_json(found: Found, about: Mapping[str, Any], example: str) -> Told:
    """`about` is the request; `example` a row's prefix, so that prompts can be shown in full."""
    return {
        **about,
        "stopped": found.stopped,
        "spent": found.spent,
        "rounds": [
            {
                "rows": one.rows,
                "prompts": [
                    {**_prompt(prompt, example), "figure": merit[0], "probability": merit[1]}
                    for prompt, merit in one.ranked
                ],
            }
            for one in found.rounds
        ],
        "tested": [_tested(one, example) for one in found.tested],
        "research_use_only": True,
    }


def _prompt(prompt: HardPrompt | None, example: str) -> Told:
    if prompt is None:
        return {"prompt": f"{SOFT} + {example}", "hand_written": False}
    labels = [f"<label {number}>" for number in range(1, prompt.cases + 1)]
    text = prompt.text(example, ["<option 1>", "<option 2>", "…"], labels)
    return {"prompt": text, "hand_written": prompt == HAND_WRITTEN, **prompt.as_json()}


def _tested(one: Tested, example: str) -> Told:
    return {
        **_prompt(one.prompt, example),
        "dev": _estimate(one.dev),
        "test": _estimate(one.test),
        "gain": _estimate(one.gain),
        "mcnemar_p": one.p,
        "cases_alone": one.votes,
    }


def _estimate(one: Estimate | None) -> Told | None:
    if one is None:
        return None
    return {"value": one.value, "ci": [one.low, one.high], "rows": one.images}


def in_words(told: Mapping[str, Any]) -> str:
    """The report for people."""
    return "\n".join(_lines(told))


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    sizes = ", ".join(f"{n} {side}" for side, n in told["rows"].items())
    yield f"{told['model']}, {told['field']} of {told['format']} ({sizes}), {told['figure']}"
    for one in told["rounds"]:
        best = one["prompts"][0]
        yield (
            f"  {len(one['prompts'])} prompts on {one['rows']} rows; best {best['figure']:.3f}: "
            f"{best['prompt']}"
        )
    if told["stopped"]:
        yield "Stopped; the same command goes on where it was."
    for one in told["tested"]:
        yield from _tested_lines(one)
    if told["tested"]:
        yield (
            "In brackets: 95% intervals (bootstrap over rows, 1,000 resamplings; of a gain "
            "paired). Development figures flatter what was chosen by them."
        )


def _tested_lines(one: Mapping[str, Any]) -> Iterator[str]:
    name = "hand-written: " if one["hand_written"] else ""
    dev = _figure(one["dev"]) if one["dev"] else "trained on"
    yield f"{name}{one['prompt']}"
    yield f"    dev {dev}; test {_figure(one['test'])}"
    if not one["hand_written"]:
        yield f"    gain on test {_figure(one['gain'], '+')}; McNemar p = {one['mcnemar_p']:.2g}"
    if one["cases_alone"] is not None:
        yield f"    the commonest label of its cases, without the model: {one['cases_alone']:.3f}"


def _figure(one: Mapping[str, Any], sign: str = "") -> str:
    low, high = one["ci"]
    return f"{one['value']:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def winner(told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The tested hard prompt that serving can ask, if it is surely better; mostly there is none."""
    able = (one for one in told["tested"] if one.get("cases") == 0 and not one["hand_written"])
    return next((one for one in able if one["gain"]["ci"][0] > 0), None)


def default_entry(told: Mapping[str, Any], best: Mapping[str, Any]) -> Told:
    """The entry of prompts.json: the prompt, and how it was found."""
    hand = next(one for one in told["tested"] if one["hand_written"])
    keys = ("figure", "field", "format", "rows", "split", "dev_from", "seed", "date", "model")
    return {
        "prompt": best["prompt"],
        "test": best["test"],
        "dev": best["dev"],
        "hand_written": {"prompt": hand["prompt"], "test": hand["test"], "dev": hand["dev"]},
        "gain": best["gain"],
        **{key: told[key] for key in keys},
    }


def dumps(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"
