"""Settings: what a run is made of.

Frozen dataclasses with nanoGPT's names that cannot hold a value that cannot be. Where good values
come from is `core.settings.presets`'s. Nothing here knows of torch, of a disk or of a screen.

Each field carries its help line as metadata, so that the command line and the pages explain a
setting with the same words.

Source of the names: https://github.com/karpathy/nanoGPT (`train.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from core.errors import ConfigError, quoted
from core.settings.ideas import (
    OF_ATTENTION,
    OF_TRANSFORMER,
    Idea,
    check_ideas,
    ideas_in,
    ideas_text,
)

ModelKind = Literal["bigram", "attention", "transformer"]
Schedule = Literal["cosine", "linear", "flat", "constant"]
Block = Literal["classic", "modern", "ladder"]
Optimizer = Literal["adamw", "muon"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["auto", "float32", "bfloat16"]

MODEL_KINDS: tuple[ModelKind, ...] = get_args(ModelKind)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
BLOCKS: tuple[Block, ...] = get_args(Block)
FORMER_BLOCK = "fast"
"""What the modern block was called: in runs, files, links and scripts that still say so."""
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
DEVICES: tuple[Device, ...] = get_args(Device)
DTYPES: tuple[Dtype, ...] = get_args(Dtype)

MAX_VOCABULARY = 1_000_000
MOST_STEPS = 10_000_000
"""Of a run."""
FIRST_ESTIMATE = 8
"""The earliest step after the start at which the loss is estimated out of turn."""
SAMPLE_LENGTH = 120
"""How many characters a run writes at a time."""
SAMPLE_INTERVAL = 200
"""Where estimates are so many steps apart, a run writes at each of them."""

MODEL_SETTINGS: dict[ModelKind, tuple[str, ...]] = {
    "bigram": ("block_size",),
    "attention": ("block_size", "n_head", "n_embd", "dropout"),
    "transformer": (
        "block_size",
        "n_layer",
        "n_head",
        "n_embd",
        "dropout",
        "bias",
        "block",
        "ngrams",
        "logit_cap",
        "head_gates",
        "pair_embedding",
        "ideas",
    ),
}
"""The settings that change something in each model; the others do not exist for it."""


def _setting(help_line: str, **default: Any) -> Any:
    """A dataclass field with its help line."""
    return field(metadata={"help": help_line}, **default)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of one model. A part that the model does not have is 0 (or False)."""

    model: ModelKind = _setting("which of the three models")
    vocab_size: int = _setting("distinct characters of the corpus")
    block_size: int = _setting(
        "how far back one guess may look, in characters: a longer block gives it more to go by, "
        "and each step more work"
    )
    n_layer: int = _setting(
        "rounds of looking back and thinking, one on top of the other: more can build on what the "
        "earlier ones found, and take as much longer",
        default=0,
    )
    n_head: int = _setting(
        "strands that each layer's attention is split into: more can watch for more things at "
        "once, each in less detail; the parameters stay the same",
        default=0,
    )
    n_embd: int = _setting(
        "width, the numbers that stand for one character inside (in the transformer, that of the "
        "residual stream): twice as many can tell more apart, with about four times the "
        "parameters in each layer",
        default=0,
    )
    dropout: float = _setting(
        "share of activations zeroed at random while training: more keeps a model from learning "
        "the text by heart, and slows it down",
        default=0.0,
    )
    bias: bool = _setting("learned offsets in linear layers and LayerNorms", default=False)

    block: Block = _setting(
        "classic as in GPT-2; modern has newer ingredients, and learns more from each step; ladder "
        "has those ideas of the classic block that `ideas` names",
        default="classic",
    )
    ngrams: int = _setting(
        "longest context of the learned n-gram tables: a longer one knows more turns of phrase "
        "without the network, and takes more memory; 0 has none",
        default=0,
    )
    logit_cap: float = _setting(
        "logits are bent so that none leaves this on either side: a model that may be less sure "
        "learns less of its text by heart; 0 bends none",
        default=0.0,
    )
    head_gates: bool = _setting(
        "a gate behind each head of the modern block, by which it can keep back what it has found "
        "where that would not help",
        default=False,
    )
    pair_embedding: bool = _setting(
        "a vector for each pair of characters beside those for characters, in the modern block: "
        "the first layer knows at once what stands before",
        default=False,
    )
    ideas: str = _setting(
        "of the ladder's block: which ideas the model has, with commas between them; without any, "
        "each character is guessed from the one before alone",
        default="",
    )

    def __post_init__(self) -> None:
        if self.model not in MODEL_KINDS:
            raise ConfigError(
                f"model is one of {', '.join(MODEL_KINDS)}, not {quoted(self.model)}."
            )
        _need_whole("vocab_size", self.vocab_size, 2, MAX_VOCABULARY)
        _need_whole("block_size", self.block_size, 1, 4096)
        if "n_embd" in MODEL_SETTINGS[self.model]:
            _need_whole("n_layer", self.n_layer, 0 if self.block == "ladder" else 1, 48)
            _need_whole("n_head", self.n_head, 1, 64)
            _need_whole("n_embd", self.n_embd, 1, 4096)
            if self.n_embd % self.n_head:
                raise ConfigError(
                    f"n_head must divide n_embd, so that every head gets the same width; "
                    f"{self.n_head} heads do not divide {self.n_embd}. "
                    f"Try n_head {_nearest_divisor(self.n_embd, self.n_head)}."
                )
        else:
            for name in ("n_layer", "n_head", "n_embd"):
                _need_whole(name, getattr(self, name), 0, 4096)
        _need_number("dropout", self.dropout, 0.0, 0.9)
        for name in ("bias", "head_gates", "pair_embedding"):
            _need_truth(name, getattr(self, name))
        object.__setattr__(self, "block", block_named(self.block))
        if self.block not in BLOCKS:
            raise ConfigError(f"block is one of {', '.join(BLOCKS)}, not {quoted(self.block)}.")
        if self.block != "classic" and "block" not in MODEL_SETTINGS[self.model]:
            raise ConfigError(f"The {self.model} model has no block, and so no {self.block} one.")
        self._check_ideas()
        _need_whole("ngrams", self.ngrams, 0, 8)
        if self.ngrams and (self.block != "modern" or self.ngrams < 2):
            raise ConfigError(
                "ngrams counts the characters of the longest context, from 2 on, and needs the "
                f"modern block; it was {self.ngrams} with the {self.block} block."
            )
        _need_number("logit_cap", self.logit_cap, 0.0, 1000.0)
        if self.logit_cap and self.block != "modern":
            raise ConfigError(
                f"logit_cap bends the logits of the modern block alone; it was {self.logit_cap:g} "
                f"with the {self.block} block."
            )
        for name in ("head_gates", "pair_embedding"):
            if getattr(self, name) and self.block != "modern":
                raise ConfigError(f"{name} needs the modern block; it was the {self.block} block.")
        if self.block == "modern" and (self.head_size % 2 or self.bias):
            raise ConfigError(
                "The modern block has no biases and needs heads of an even width, n_embd / n_head; "
                f"the width was {self.head_size}."
            )

    def _check_ideas(self) -> None:
        if not isinstance(self.ideas, str):
            raise ConfigError(
                f"ideas are words with commas between them, not {quoted(self.ideas)}."
            )
        ideas = ideas_in(self.ideas)
        if ideas and self.block != "ladder":
            raise ConfigError(
                f"ideas are chosen in the ladder's block alone; the {self.block} block has its own."
            )
        if self.block == "ladder":
            check_ideas(ideas, self.n_layer)
        object.__setattr__(self, "ideas", ideas_text(ideas))

    def has(self, idea: Idea) -> bool:
        """Whether this model has one of the ideas that lie between the three."""
        if self.block == "ladder":
            return idea in ideas_in(self.ideas)
        if self.model == "bigram":
            return False
        if self.model == "attention":
            return idea in OF_ATTENTION
        return idea in OF_TRANSFORMER and (idea != "tied" or self.block == "classic")

    @property
    def looks_ahead(self) -> bool:
        """Whether a character also sees those that it is to guess, so that losses mean nothing."""
        return self.has("attention") and not self.has("mask")

    @property
    def head_size(self) -> int:
        """Width of one head (n_embd / n_head); 0 where there are no heads."""
        return self.n_embd // self.n_head if self.n_head else 0


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How one model is trained. `batch_size` counts sequences, `*_iters` count steps."""

    batch_size: int = _setting(
        "sequences read in one step: more make its gradient surer, and take as much longer"
    )
    max_iters: int = _setting(
        "steps until the run is finished: more learn more, until they stop helping"
    )
    learning_rate: float = _setting(
        "how far one step moves the parameters down the gradient, at its largest: too small learns "
        "slowly, too large leaps about or diverges"
    )
    min_lr: float = _setting(
        "learning rate that the schedule ends at: a small one lets the loss settle"
    )
    warmup_iters: int = _setting(
        "steps over which the learning rate rises from 0: more make a large rate safer"
    )
    lr_decay_iters: int = _setting("step at which the schedule reaches min_lr")
    schedule: Schedule = _setting(
        "course of the learning rate: cosine and linear fall all the way, flat falls late, "
        "constant never",
        default="cosine",
    )
    optimizer: Optimizer = _setting(
        "adamw, or muon for the matrices of the blocks, which learns more from each step",
        default="adamw",
    )
    muon_lr: float = _setting(
        "Muon: learning rate of the blocks' matrices at its largest; learning_rate is that of the "
        "rest",
        default=0.02,
    )
    table_lr: float = _setting("n-gram tables: learning rate at its largest", default=0.1)
    weight_decay: float = _setting(
        "pull of the matrices towards 0: more keeps them small, and the model simpler", default=0.1
    )
    beta1: float = _setting("AdamW: memory of the mean gradient", default=0.9)
    beta2: float = _setting("AdamW: memory of the mean squared gradient", default=0.99)
    grad_clip: float = _setting(
        "largest norm of a gradient: a lower one tames single wild batches; 0 switches it off",
        default=1.0,
    )
    eval_interval: int = _setting(
        "steps between two estimates of the loss: fewer show more of the curve, and take time"
    )
    eval_iters: int = _setting(
        "batches in one estimate of the loss: more wobble less, and take time"
    )
    seed: int = _setting(
        "start of all randomness: same seed, same again; another shows how much is chance",
        default=1337,
    )
    device: Device = _setting("auto, cpu, cuda, or mps, which nobody has tested", default="auto")
    dtype: Dtype = _setting(
        "number format of matrix products: bfloat16 is mixed precision, which auto takes where it "
        "is faster",
        default="auto",
    )

    def __post_init__(self) -> None:
        _need_whole("batch_size", self.batch_size, 1, 4096)
        _need_whole("max_iters", self.max_iters, 1, MOST_STEPS)
        _need_number("learning_rate", self.learning_rate, 1e-9, 100.0)
        _need_number("min_lr", self.min_lr, 0.0, 100.0)
        if self.min_lr > self.learning_rate:
            raise ConfigError(
                f"min_lr is where the schedule ends, so it cannot lie above learning_rate: "
                f"{self.min_lr:g} is above {self.learning_rate:g}."
            )
        _need_whole("warmup_iters", self.warmup_iters, 0, 10_000_000)
        _need_whole("lr_decay_iters", self.lr_decay_iters, 1, 10_000_000)
        if self.optimizer not in OPTIMIZERS:
            raise ConfigError(
                f"optimizer is one of {', '.join(OPTIMIZERS)}, not {quoted(self.optimizer)}."
            )
        _need_number("muon_lr", self.muon_lr, 1e-9, 100.0)
        _need_number("table_lr", self.table_lr, 1e-9, 100.0)
        if self.schedule not in SCHEDULES:
            raise ConfigError(
                f"schedule is one of {', '.join(SCHEDULES)}, not {quoted(self.schedule)}."
            )
        _need_number("weight_decay", self.weight_decay, 0.0, 10.0)
        _need_number("beta1", self.beta1, 0.0, 0.9999)
        _need_number("beta2", self.beta2, 0.0, 0.99999)
        _need_number("grad_clip", self.grad_clip, 0.0, 1e6)
        _need_whole("eval_interval", self.eval_interval, 1, 10_000_000)
        _need_whole("eval_iters", self.eval_iters, 1, 10_000)
        _need_whole("seed", self.seed, 0, 2**31 - 1)
        if self.device not in DEVICES:
            raise ConfigError(f"device is one of {', '.join(DEVICES)}, not {quoted(self.device)}.")
        if self.dtype not in DTYPES:
            raise ConfigError(f"dtype is one of {', '.join(DTYPES)}, not {quoted(self.dtype)}.")

    def estimates_after(self, step: int) -> bool:
        """Whether the loss is estimated after this step: at each interval and at the end.

        And a few times before the first interval, at 8, 16, 32, …, where a loss falls fastest.
        """
        early = FIRST_ESTIMATE <= step < self.eval_interval and step & (step - 1) == 0
        return early or step % self.eval_interval == 0 or step == self.max_iters

    def writes_after(self, step: int) -> bool:
        """Whether the model also writes at the estimate after this step.

        Writing costs as much as some steps do. Where estimates are close, it is done at the first
        after the number of steps has doubled, and at the end: that is when there is news.
        """
        if not self.estimates_after(step):
            return False
        if self.eval_interval >= SAMPLE_INTERVAL or step == self.max_iters:
            return True
        doubled = 1 << (step.bit_length() - 1)  # the largest power of two up to this step
        return not any(map(self.estimates_after, range(doubled, step)))

    @property
    def n_samples(self) -> int:
        """Texts that are written in the whole run, the one before the first step among them."""
        if self.eval_interval >= SAMPLE_INTERVAL:
            return self.n_estimates
        n_doublings = max(0, self.max_iters.bit_length() - FIRST_ESTIMATE.bit_length() + 1)
        return min(self.n_estimates, 2 + n_doublings)

    def has_decayed(self, step: int) -> bool:
        """Whether the schedule has come to its end by this step, so that `min_lr` is the rate."""
        ends_at = max(self.warmup_iters, self.lr_decay_iters)  # a warm-up may outlast it
        return self.schedule != "constant" and step >= ends_at

    @property
    def n_estimates(self) -> int:
        """Estimates in the whole run, the one before the first step among them."""
        first = min(self.eval_interval, self.max_iters)
        n_early = sum(self.estimates_after(2**k) for k in range(first.bit_length()) if 2**k < first)
        return 1 + n_early + -(-self.max_iters // self.eval_interval)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that a run's numbers depend on, but the text itself."""

    model: ModelConfig
    train: TrainConfig

    def flat(self) -> dict[str, Any]:
        """The settings that this run really has, by name, for tables, files and comparisons."""
        shape = asdict(self.model)
        has = ("model", "vocab_size", *MODEL_SETTINGS[self.model.model])
        return {name: shape[name] for name in has} | asdict(self.train)

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> RunConfig:
        """The inverse of `flat`."""
        shape = {f.name: values[f.name] for f in fields(ModelConfig) if f.name in values}
        if shape["model"] == "attention":
            shape["n_layer"] = 1  # what the name says, so it is no setting
        train = {f.name: values[f.name] for f in fields(TrainConfig) if f.name in values}
        return cls(model=ModelConfig(**shape), train=TrainConfig(**train))


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """How a model is asked to write."""

    max_new_tokens: int = _setting("characters to write", default=400)
    temperature: float = _setting(
        "below 1 safer, above 1 wilder, 0 always the likeliest", default=0.8
    )
    top_k: int = _setting("keep only the k likeliest characters; 0 keeps all", default=0)
    top_p: float = _setting("keep the likeliest characters that hold this probability", default=1.0)
    seed: int = _setting("same seed, same text", default=1337)

    def __post_init__(self) -> None:
        _need_whole("max_new_tokens", self.max_new_tokens, 1, 100_000)
        _need_number("temperature", self.temperature, 0.0, 100.0)
        _need_whole("top_k", self.top_k, 0, 1_000_000)
        _need_number("top_p", self.top_p, 0.0, 1.0)
        if self.top_p == 0.0:
            raise ConfigError(
                "top_p is a probability above 0, at most 1; 0 would keep no character."
            )
        _need_whole("seed", self.seed, 0, 2**31 - 1)


def sample_while_training(train: TrainConfig) -> SampleConfig:
    """How a run is asked to write at its estimates, and before its first step: always the same."""
    return SampleConfig(max_new_tokens=SAMPLE_LENGTH, temperature=0.8, seed=train.seed)


def block_named(name: Any) -> Any:
    """The block of that name as it is called today; what is no block is left as it is."""
    return "modern" if name == FORMER_BLOCK else name


def help_line(name: str) -> str:
    """The one line that explains a setting, wherever it is shown."""
    for config in (ModelConfig, TrainConfig, SampleConfig):
        for entry in fields(config):
            if entry.name == name:
                return str(entry.metadata["help"])
    raise KeyError(name)


# --- checks -------------------------------------------------------------------------------------


def _need_whole(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"{name} is a whole number from {low:,} to {high:,}, not {quoted(value)}."
        )


def _need_number(name: str, value: float, low: float, high: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # What is no finite number lies between no two others, and a whole number may be huge.
    if not number or not low <= value <= high:
        raise ConfigError(f"{name} is a number from {low:g} to {high:g}, not {quoted(value)}.")


def _need_truth(name: str, value: bool) -> None:
    if value not in (True, False):  # 0 and 1 too, as they come from elsewhere
        raise ConfigError(f"{name} is true or false, not {quoted(value)}.")


def _nearest_divisor(width: int, wanted: int) -> int:
    divisors = [n for n in range(1, min(width, 64) + 1) if width % n == 0]
    return min(divisors, key=lambda n: (abs(n - wanted), n))
