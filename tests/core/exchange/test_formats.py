"""Models open elsewhere with the same logits, and come back the same."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.bench.rival import GPT, GPTConfig
from core.errors import ExchangeError
from core.exchange.formats.card import TRIED_WITH, About
from core.exchange.formats.hf import export_hf
from core.exchange.formats.nanogpt import export_nanogpt, read_nanogpt
from core.exchange.formats.tensors import export_safetensors, read_safetensors
from core.models import LanguageModel, build_model, model_from_weights
from core.settings.config import ModelConfig, RunConfig
from core.storage.home import PROJECT_DATA
from core.text.corpus import Corpus, Vocabulary
from tests.recipes import RUNS, config_of

CHARACTERS = "\n !,.:abc"
VOCABULARY = Vocabulary("".join(sorted(CHARACTERS)))
V = len(VOCABULARY)
CLASSIC = dict(
    model="transformer", vocab_size=V, block_size=8, n_layer=2, n_head=2, n_embd=8
)  # fmt: skip


def classic(bias: bool = False, dropout: float = 0.0) -> LanguageModel:
    return noisy(ModelConfig(**CLASSIC, bias=bias, dropout=dropout))  # type: ignore[arg-type]


def noisy(config: ModelConfig) -> LanguageModel:
    """A model with weights so large that a mistake anywhere shows, biases and norms too."""
    model, dice = build_model(config, 1).eval(), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=dice)
    return model


def batch(block_size: int = 8, vocab_size: int = V) -> Tensor:
    dice = torch.Generator().manual_seed(3)
    return torch.randint(0, vocab_size, (5, block_size), generator=dice)


def about(config: ModelConfig, /, **changes: Any) -> About:
    run = RunConfig(model=config, train=config_of("classic", V, learning_rate=1e-3).train)
    known: dict[str, Any] = dict(
        name="owl", step=7, config=run, corpus="shakespeare", fingerprint="abc", val_loss_nats=2.5
    )
    return About(**known | changes)


def to_hf(model: LanguageModel, vocabulary: Vocabulary, folder: Path, **changes: Any) -> None:
    export_hf(model, vocabulary, folder, about=about(model.config, **changes))


def logits(model: LanguageModel, idx: Tensor) -> Tensor:
    with torch.no_grad():
        return model(idx)


# --- Hugging Face ---------------------------------------------------------------------------------


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("transformers")


@pytest.mark.parametrize("bias", [False, True])
def test_transformers_opens_it_with_the_same_logits(
    transformers: Any, tmp_path: Path, bias: bool
) -> None:
    model = classic(bias, dropout=0.1)
    to_hf(model, VOCABULARY, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert type(theirs).__name__ == "GPT2LMHeadModel"
    with torch.no_grad():
        got = theirs(batch()).logits
    torch.testing.assert_close(got, logits(model, batch()), atol=1e-4, rtol=0)
    n_biases = sum(p.numel() for name, p in theirs.named_parameters() if name.endswith("bias"))
    n_theirs = sum(p.numel() for p in theirs.parameters())
    assert n_theirs - (0 if bias else n_biases) == model.n_params


def test_greedy_text_is_the_same_there(transformers: Any, tmp_path: Path) -> None:
    model = classic()
    to_hf(model, VOCABULARY, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    idx = VOCABULARY.encode("ab")[None]
    written = theirs.generate(idx, max_new_tokens=6, do_sample=False, pad_token_id=0)
    for _ in range(6):
        idx = torch.cat([idx, logits(model, idx)[:, -1].argmax(dim=-1)[:, None]], dim=1)
    assert written.tolist() == idx.tolist()


NASTY = [
    "  two  spaces, and one at the end ",
    "\n\n\nlines\n \n",
    "tab\there, cr\r\nand zero\x00width​",
    "Ġ ▁ ## </s> <unk> <pad> [UNK] <|endoftext|> \\n",
    "naïve café — “quoted” … 中文 😀👩‍🚀 é",
    "a",
    "",
]


@pytest.mark.parametrize("text", NASTY, ids=repr)
def test_the_tokenizer_gives_every_text_back(transformers: Any, tmp_path: Path, text: str) -> None:
    vocabulary = Vocabulary.of("".join(NASTY))
    config = ModelConfig(**CLASSIC | {"vocab_size": len(vocabulary)})  # type: ignore[arg-type]
    to_hf(build_model(config, 1), vocabulary, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    tokens = tokenizer.encode(text)
    assert tokens == vocabulary.encode(text).tolist()
    assert tokenizer.decode(tokens) == text


def test_the_tokenizer_gives_a_whole_play_back(transformers: Any, tmp_path: Path) -> None:
    text = (PROJECT_DATA / "shakespeare.txt").read_text("utf-8")
    vocabulary = Vocabulary.of(text)
    config = ModelConfig(**CLASSIC | {"vocab_size": len(vocabulary)})  # type: ignore[arg-type]
    to_hf(build_model(config, 1), vocabulary, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    tokens = tokenizer.encode(text)
    assert tokens == vocabulary.encode(text).tolist() and tokenizer.decode(tokens) == text


def test_a_character_that_it_does_not_know_is_a_sentence_there_too(
    transformers: Any, tmp_path: Path
) -> None:
    to_hf(classic(), VOCABULARY, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    with pytest.raises(Exception, match=r"the model never saw \(README\.md lists the 9"):
        tokenizer.encode("abc?")


def test_padding_takes_nothing_from_a_text(transformers: Any, tmp_path: Path) -> None:
    to_hf(classic(), VOCABULARY, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    batch_ = tokenizer(["c", "abcc"], padding=True)
    assert [sum(mask) for mask in batch_["attention_mask"]] == [1, 4]
    assert batch_["attention_mask"][0] == [0, 0, 0, 1]  # before the text, which goes on
    assert max(batch_["input_ids"][0]) < V  # the model has a row for it
    last = VOCABULARY.characters[-1]
    tokens = tokenizer.encode(last + "\n" + last)
    assert tokenizer.decode(tokens, skip_special_tokens=True) == f"{last}\n{last}"


@pytest.fixture
def write(transformers: Any, tmp_path: Path) -> Any:
    """What a user does with the folder and nothing else."""
    to_hf(classic(), VOCABULARY, tmp_path)
    return transformers.pipeline("text-generation", model=str(tmp_path))


def test_a_pipeline_writes_by_default_until_the_block_is_full(write: Any) -> None:
    (one,) = write("ab")
    assert one["generated_text"].startswith("ab") and len(one["generated_text"]) == 8
    (none,) = write("")
    assert none["generated_text"].startswith("\n") and len(none["generated_text"]) == 8
    assert set(one["generated_text"] + none["generated_text"]) <= set(CHARACTERS)


def test_a_pipeline_writes_a_batch_as_it_writes_one_by_one(write: Any) -> None:
    prompts = ["a", "abc", "!\n"]
    greedy = {"do_sample": False, "max_new_tokens": 4}
    batched = write(prompts, batch_size=3, **greedy)
    alone = [write(prompt, **greedy) for prompt in prompts]
    assert batched == alone
    assert all(len(text[0]["generated_text"]) == len(p) + 4 for text, p in zip(batched, prompts))


def test_the_longer_text_of_the_model_card_can_be_written(write: Any) -> None:
    text = "ab"
    for _ in range(3):
        text = write(text, max_new_tokens=4, handle_long_generation="hole")[0]["generated_text"]
    assert text.startswith("ab") and len(text) == 14


def test_a_pipeline_says_what_is_wrong_with_a_prompt(write: Any) -> None:
    with pytest.raises(Exception, match="the model never saw"):
        write("ab?")
    with pytest.raises(ValueError, match="`max_length` is set to 8"):
        write("abcabcabc")


# --- the model card -------------------------------------------------------------------------------


def card_of(folder: Path) -> tuple[dict[str, Any], str]:
    """The front matter and the rest of a model card."""
    yaml = pytest.importorskip("yaml")
    empty, front, text = (folder / "README.md").read_text("utf-8").split("---\n", maxsplit=2)
    assert empty == ""
    return yaml.safe_load(front), text


def test_the_card_names_the_transformers_that_it_was_tried_with(transformers: Any) -> None:
    assert transformers.__version__ == TRIED_WITH


def test_the_model_card_says_use_settings_loss_and_text(tmp_path: Path) -> None:
    to_hf(classic(), VOCABULARY, tmp_path, name="*o*wl")
    front, text = card_of(tmp_path)
    assert front["library_name"] == "transformers" and front["license"] == "mit"
    assert front["pipeline_tag"] == "text-generation"
    assert r"# \*o\*wl" in text and "8 characters at most" in text
    assert "2.500 nats per character (3.607 bits)" in text
    assert "| `n_layer` | 2 |" in text and "| `learning_rate` | 0.001 |" in text
    assert "Corpus `shakespeare`, sha256 `abc`" in text and "Sean Stewart" in text
    assert r'"\n !,.:abc"' in text.replace("'", '"')


@pytest.mark.parametrize(
    ("corpus", "said"),
    [("tiny-shakespeare", "no licence is stated"), ("mine", "licence is not known to the lab")],
)
def test_a_licence_that_is_not_known_is_not_made_up(tmp_path: Path, corpus: str, said: str) -> None:
    to_hf(classic(), VOCABULARY, tmp_path, corpus=corpus, val_loss_nats=None)
    front, text = card_of(tmp_path)
    assert front["license"] == "unknown" and said in " ".join(text.split())
    assert "was not measured" in text


# --- nanoGPT --------------------------------------------------------------------------------------

SETTINGS = dict(
    batch_size=12, max_iters=2000, learning_rate=1e-3, min_lr=1e-4, warmup_iters=100,
    lr_decay_iters=2000, weight_decay=0.1, beta1=0.9, beta2=0.99, grad_clip=1.0,
    eval_interval=250, eval_iters=20,
)  # fmt: skip


def nanogpt_file(path: Path, gpt: Any, **changes: Any) -> Path:
    """A checkpoint as nanoGPT's train.py writes it."""
    content = {
        "model": gpt.state_dict(),
        "optimizer": torch.optim.AdamW(gpt.parameters()).state_dict(),
        "model_args": CLASSIC | {"bias": gpt.config.bias, "dropout": 0.0},
        "iter_num": 1750,
        "best_val_loss": torch.tensor(1.9),
        "config": SETTINGS | {"out_dir": "out", "dataset": "shakespeare_char", "compile": True},
    } | changes
    content["model_args"].pop("model", None)
    torch.save({k: v for k, v in content.items() if v is not None}, path)
    return path


def nanogpt(bias: bool = False) -> GPT:
    sizes = {k: v for k, v in CLASSIC.items() if k != "model"}
    model, dice = GPT(GPTConfig(**sizes, bias=bias)), torch.Generator().manual_seed(4)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=dice))
    return model.eval()


@pytest.mark.parametrize("optimizer", [True, False])
@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
@pytest.mark.parametrize("bias", [False, True])
def test_nanogpts_own_checkpoint_gives_its_logits(
    tmp_path: Path, bias: bool, prefix: str, optimizer: bool
) -> None:
    theirs = nanogpt(bias)
    changes: dict[str, Any] = {
        "model": {prefix + name: weight for name, weight in theirs.state_dict().items()}
    }
    # Older torch had no fused attention, and nanoGPT a mask among its weights.
    changes["model"][prefix + "transformer.h.0.attn.bias"] = torch.ones(1, 1, 8, 8).tril()
    if not optimizer:
        changes["optimizer"] = None
    imported = read_nanogpt(nanogpt_file(tmp_path / "ckpt.pt", theirs, **changes))
    ours = model_from_weights(imported.config, imported.weights)
    with torch.no_grad():
        expected, _ = theirs(batch(), batch())
    torch.testing.assert_close(logits(ours, batch()), expected, atol=1e-5, rtol=0)
    assert imported.step == 1750 and dict(imported.settings) == SETTINGS


def to_nanogpt(model: LanguageModel, folder: Path, **changes: Any) -> list[Path]:
    known = about(model.config, **{"corpus": "mine"} | changes)
    return export_nanogpt(model, VOCABULARY, folder, about=known, moments={}, corpus=None)


@pytest.mark.parametrize("bias", [False, True])
def test_what_goes_out_is_a_checkpoint_of_nanogpt(tmp_path: Path, bias: bool) -> None:
    model = classic(bias)
    paths = to_nanogpt(model, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "out-owl/ckpt.pt", "config/lab_owl.py", "data/lab_mine/meta.pkl", "data/lab_mine/readme.md",
    ]  # fmt: skip
    content = torch.load(paths[0], weights_only=True)
    args = content["model_args"]
    theirs = GPT(GPTConfig(**args)).eval()
    theirs.load_state_dict(content["model"])
    with torch.no_grad():
        got, _ = theirs(batch(), batch())
    torch.testing.assert_close(got, logits(model, batch()), atol=1e-5, rtol=0)
    assert (content["iter_num"], content["best_val_loss"]) == (7, 2.5)
    meta = pickle.loads(paths[2].read_bytes())  # our own, of a moment ago
    assert [meta["itos"][meta["stoi"][c]] for c in CHARACTERS] == list(CHARACTERS)
    back = read_nanogpt(paths[0])
    assert back.config == model.config
    assert torch.equal(
        logits(model_from_weights(back.config, back.weights), batch()), logits(model, batch())
    )


def test_a_text_with_an_odd_name_goes_into_a_plain_folder(tmp_path: Path) -> None:
    paths = to_nanogpt(classic(), tmp_path, corpus="my book/..")
    assert paths[-1].relative_to(tmp_path).as_posix() == "data/lab_my-book/readme.md"
    assert "dataset = 'lab_my-book'" in paths[1].read_text("utf-8")
    assert to_nanogpt(classic(), tmp_path, corpus="..")[-1].parent.name == "lab_text"


def test_more_characters_than_nanogpts_tokens_can_tell_apart_are_refused(tmp_path: Path) -> None:
    text = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x10801))))
    corpus, model = Corpus("many", text), classic()
    assert len(corpus.vocabulary) == 2**16 + 1
    known = about(model.config, corpus="many")
    with pytest.raises(ExchangeError, match="65,536 different ones; many has 65,537 characters"):
        export_nanogpt(
            model, corpus.vocabulary, tmp_path, about=known, moments={}, corpus=corpus
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_known_is_one_that_nanogpt_can_beat(tmp_path: Path) -> None:
    checkpoint, *_ = to_nanogpt(classic(), tmp_path, val_loss_nats=None)
    assert torch.load(checkpoint, weights_only=True)["best_val_loss"] == 1e9


@pytest.mark.parametrize(
    ("changes", "decay", "said"),
    [
        ({"schedule": "constant"}, False, ""),
        ({"schedule": "cosine"}, True, ""),
        ({"schedule": "linear"}, True, "its schedule was linear; nanoGPT has the cosine only"),
        ({"optimizer": "muon"}, True, "its optimizer was muon"),
    ],
)
def test_the_settings_run_as_nanogpts_configurator_runs_them(
    tmp_path: Path, changes: dict[str, Any], decay: bool, said: str
) -> None:
    model = classic()
    run = RunConfig(model=model.config, train=config_of("classic", V, **changes).train)
    files = to_nanogpt(model, tmp_path, config=run, name="two words; 'and'\nmore")
    config = files[1].read_text("utf-8")
    found: dict[str, Any] = {"torch": torch}
    exec(config, found)  # as configurator.py does
    assert said in config and found["decay_lr"] is decay
    assert found["block_size"] == 8 and found["batch_size"] == run.train.batch_size
    assert found["out_dir"] == files[0].parent.name and " " not in found["out_dir"]
    assert (tmp_path / "data" / found["dataset"] / "meta.pkl").exists()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert found["device"] == device and not found["compile"]


class Evil:
    def __reduce__(self) -> Any:
        return (Path("/tmp/character-lab-was-here").touch, ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": None}, "should hold `model` and `model_args`"),
        ({"model_args": {"n_layer": 2}}, "does not say all of block_size"),
        ({"model_args": CLASSIC | {"n_head": 3}}, "n_head must divide n_embd"),
        ({"model_args": CLASSIC | {"n_layer": 3}}, r"transformer\.h\.2\.\S+ is missing"),
        ({"model_args": CLASSIC | {"block_size": 9}}, r"wpe\.weight is of shape \(8, 8\)"),
        ({"model_args": CLASSIC | {"n_layer": "two"}}, "n_layer is a whole number"),
        ({"model": [1, 2]}, "its `model` holds no weights"),
        ({"model": {"transformer.wte.weight": "heavy"}}, "its `model` holds no weights"),
        ({"model": {7: torch.ones(2)}}, r"wte\.weight is missing"),
        ({"iter_num": "last"}, "no whole number from 0 to 10,000,000: .last"),
        ({"iter_num": -5}, "no whole number from 0 to 10,000,000: -5"),
        ({"evil": Evil()}, "not loaded because it could run code"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_checkpoint_of_nanogpt_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    changes = {k: dict(v) if isinstance(v, dict) else v for k, v in changes.items()}
    path = nanogpt_file(tmp_path / "ckpt.pt", nanogpt(), **changes)
    with pytest.raises(ExchangeError, match=said):
        read_nanogpt(path)
    assert not Path("/tmp/character-lab-was-here").exists()


def test_a_damaged_checkpoint_of_nanogpt_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    path = nanogpt_file(tmp_path / "ckpt.pt", nanogpt())
    raw, rng = path.read_bytes(), random.Random(1)
    n_refused = 0
    for _ in range(100):
        spoiled = bytearray(raw)
        for _ in range(3):
            spoiled[rng.randrange(2_000)] = rng.randrange(256)  # what torch reads first
        path.write_bytes(spoiled)
        try:
            read_nanogpt(path)
        except ExchangeError:
            n_refused += 1
    assert n_refused > 50


def test_a_head_of_its_own_is_refused(tmp_path: Path) -> None:
    weights = nanogpt().state_dict()
    weights["lm_head.weight"] = weights["lm_head.weight"] + 1
    with pytest.raises(ExchangeError, match="a head of its own"):
        read_nanogpt(nanogpt_file(tmp_path / "ckpt.pt", nanogpt(), model=weights))


# --- only a GPT-2 is a GPT-2 ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ingredient"),
    [
        ("bigram", "the bigram table"),
        ("attention", "a single attention layer"),
        ("fast", "rotary positions"),
        ("fastest", "n-gram tables"),
    ],
)
def test_other_models_are_refused_and_the_ingredient_is_named(
    tmp_path: Path, name: str, ingredient: str
) -> None:
    model = build_model(config_of(name, V).model, 1)
    with pytest.raises(ExchangeError, match=f"hf format .*{ingredient}.*safetensors"):
        to_hf(model, VOCABULARY, tmp_path)
    with pytest.raises(ExchangeError, match=f"nanogpt format .*{ingredient}.*safetensors"):
        to_nanogpt(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- safetensors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_every_model_comes_back_bit_for_bit(tmp_path: Path, name: str) -> None:
    config = config_of(name, V)
    model = noisy(config.model)
    about = {"config": config.flat(), "iter": 12, "corpus": "tiny"}
    (path,) = export_safetensors(model, VOCABULARY, tmp_path / "m.safetensors", about=about)
    imported = read_safetensors(path)
    assert (imported.step, imported.corpus, imported.vocabulary) == (12, "tiny", VOCABULARY)
    assert imported.config == config.model and dict(imported.settings) == config.flat()
    back = model_from_weights(imported.config, imported.weights)
    assert torch.equal(logits(back, batch()), logits(model, batch()))


def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path) -> None:
    import safetensors.torch

    path = tmp_path / "m.safetensors"
    config = config_of("bigram", V)
    about = {"config": config.flat(), "iter": 1, "corpus": "tiny"}
    export_safetensors(build_model(config.model, 1), VOCABULARY, path, about=about)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(ExchangeError, match="damaged or cut short"):
        read_safetensors(path)
    path.write_bytes(b"To be, or not to be")
    with pytest.raises(ExchangeError, match="damaged or cut short"):
        read_safetensors(path)
    path.write_bytes(safetensors.torch.save({"w": torch.zeros(2)}))
    with pytest.raises(ExchangeError, match="was not written by this lab"):
        read_safetensors(path)
    for changes, said in (
        ({"config": config.flat() | {"vocab_size": 5}}, "not those that its settings ask for"),
        ({"config": {"model": "bigram"}}, "none that can be"),
        ({"config": []}, "does not say all of config, corpus, iter, vocabulary"),
        ({"iter": None}, "does not say all of config, corpus, iter, vocabulary"),
        ({"vocabulary": 7}, "does not say all of config, corpus, iter, vocabulary"),
    ):
        described = {"format": 1, "vocabulary": "ab", "iter": 1, "corpus": "x"} | changes
        metadata = {"character_lab": json.dumps(described)}
        path.write_bytes(safetensors.torch.save({"w": torch.zeros(2)}, metadata))
        with pytest.raises(ExchangeError, match=said):
            read_safetensors(path)


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ("{not json", "damaged or cut short"),
        ("[]", "was not written by this lab"),
        ("7", "was not written by this lab"),
        ('{"format": 1}', "does not say all of config, corpus, iter, vocabulary"),
    ],
)
def test_a_foreign_description_is_refused(tmp_path: Path, described: str, said: str) -> None:
    import safetensors.torch

    path = tmp_path / "m.safetensors"
    weights = {"w": torch.zeros(2)}
    path.write_bytes(safetensors.torch.save(weights, {"character_lab": described}))
    with pytest.raises(ExchangeError, match=said):
        read_safetensors(path)


def test_a_step_that_is_none_is_refused(tmp_path: Path) -> None:
    config = config_of("bigram", V)
    about = {"config": config.flat(), "iter": -1, "corpus": "tiny"}
    model = build_model(config.model, 1)
    (path,) = export_safetensors(model, VOCABULARY, tmp_path / "m.safetensors", about=about)
    with pytest.raises(ExchangeError, match="no whole number from 0 to 10,000,000: -1"):
        read_safetensors(path)
