"""Train the embedded chat model from scratch and write it as a Hugging Face checkpoint and a GGUF.

    python scripts/train_nano.py --data FOLDER --out build/aion-nano --minutes 60

FOLDER holds `passages.jsonl` and `questions.jsonl` (see `models/README.md`). A Mistral decoder of
about 5M parameters learns to answer a question from numbered passages with the sentence that holds
the answer and its `[n]`. The order of the lessons matters: pure copying first, then one passage,
then more, lengths growing without a jump, some of every earlier lesson kept. Only answers carry
loss. A checkpoint is saved every few minutes; `--resume` goes on from it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")  # a kernel a shape: gigabytes in an hour

import sentencepiece as spm
import torch
import torch.nn.functional as F
from nano_data import Corpus, Maker, copy_text
from nano_tourism import facts, product_name
from safetensors.torch import save_file
from torch import Tensor, nn

BOS, EOS, INST, END_INST = 1, 2, 3, 4
EFFECTIVE_CONTEXT = 320  # measured: with longer prompts the model loses the right passage
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}[INST] {{ message['content'] }}[/INST]"
    "{% elif message['role'] == 'assistant' %} {{ message['content'] }}{{ eos_token }}"
    "{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Config:
    """Shape of the decoder, named as in Mistral's config.json."""

    vocab_size: int = 4096
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 5
    num_attention_heads: int = 4
    num_key_value_heads: int = 4
    max_position_embeddings: int = 2048
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5


class Attention(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.n_heads, self.n_kv = c.num_attention_heads, c.num_key_value_heads
        self.head_dim = c.hidden_size // c.num_attention_heads
        self.q_proj = nn.Linear(c.hidden_size, c.hidden_size, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, self.n_kv * self.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, self.n_kv * self.head_dim, bias=False)
        self.o_proj = nn.Linear(c.hidden_size, c.hidden_size, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        b, t, _ = x.shape
        q = rotate(self.q_proj(x).view(b, t, self.n_heads, self.head_dim).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(x).view(b, t, self.n_kv, self.head_dim).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(b, t, self.n_kv, self.head_dim).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, -1))


class Mlp(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.mlp = Mlp(c)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    """Embeddings, layers and final norm; the parameter names are those of a HF Mistral checkpoint.

    `causal` false gives the bidirectional encoder that `train_embed.py` trains.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, c: Config, causal: bool = True) -> None:
        super().__init__()
        self.causal = causal
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))
        self.norm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)
        half = torch.arange(0, c.hidden_size // c.num_attention_heads, 2).float()
        inverse = c.rope_theta ** (-half / (c.hidden_size // c.num_attention_heads))
        angles = torch.outer(torch.arange(c.max_position_embeddings).float(), inverse)
        self.register_buffer("cos", torch.cat([angles, angles], -1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat([angles, angles], -1).sin(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                scale = (
                    0.02 / math.sqrt(2 * c.num_hidden_layers) if "o_proj" in name or "down" in name else 0.02
                )
                nn.init.normal_(p, std=scale)

    def forward(self, ids: Tensor, keep: Tensor | None = None) -> Tensor:
        """Hidden states (batch, length, hidden) of `ids`; `keep` (batch, length) masks padding."""
        x = self.embed_tokens(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        mask = None if self.causal or keep is None else keep[:, None, None, :]
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return (x * cos + turned * sin).to(x.dtype)


def train_tokenizer(corpus: Corpus, out: Path, vocab_size: int, seed: int) -> spm.SentencePieceProcessor:
    """A byte-fallback BPE sentencepiece model over the corpus and made-up tourism text."""
    rng = random.Random(seed)
    text = out / "tokenizer.txt"
    with text.open("w", encoding="utf-8") as f:
        for article in corpus.articles:
            f.write(article.title + "\n" + "\n".join(article.sentences) + "\n")
        for question in corpus.questions:
            f.write(question.text + "\n")
        for _ in range(600):
            for fact in facts(rng, product_name(rng)):
                f.write(f"{fact.heading}\n{fact.text}\n{rng.choice(fact.questions)}\n")
    spm.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(out / "tokenizer"), vocab_size=vocab_size, model_type="bpe",
        byte_fallback=True, character_coverage=0.9998, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True,
        unk_id=0, bos_id=BOS, eos_id=EOS, pad_id=-1, control_symbols=["[INST]", "[/INST]"],
        user_defined_symbols=[f"[{n}]" for n in range(1, 10)], max_sentence_length=20000, minloglevel=1,
    )  # fmt: skip
    text.unlink()
    return spm.SentencePieceProcessor(model_file=str(out / "tokenizer.model"))


@dataclass(frozen=True)
class Lesson:
    """The mixture at one moment of training: share of copying, most passages, batch size, and the
    share of prompts that carry the RAG instructions."""

    copying: float
    passages: tuple[int, ...]
    tokens: int
    instructed: float


def lesson(progress: float) -> Lesson:
    """The curriculum: copying alone, one passage, then more; `progress` in [0, 1]."""
    stages = [
        (0.06, Lesson(1.0, (1,), 2048, 0.0)),
        (0.08, Lesson(0.5, (1,), 2048, 0.1)),
        (0.22, Lesson(0.15, (1,), 3072, 0.1)),
        (0.32, Lesson(0.08, (1, 2), 4096, 0.3)),
        (0.45, Lesson(0.04, (1, 2, 3), 4096, 0.5)),
        (0.60, Lesson(0.03, (1, 2, 3, 5), 6144, 0.8)),
        (0.80, Lesson(0.02, (2, 4, 6, 8), 8192, 0.95)),
        (1.01, Lesson(0.02, (3, 5, 8, 8), 8192, 0.95)),
    ]
    return next(stage for end, stage in stages if progress < end)


GREETINGS = [
    ("Olá", "Olá! Eu sou o AION. Pergunte-me sobre os seus documentos."),
    ("Oi, tudo bem?", "Tudo bem! Pergunte-me sobre os seus documentos."),
    ("Bom dia", "Bom dia! Em que posso ajudar?"),
    ("Boa tarde", "Boa tarde! Em que posso ajudar?"),
    ("Obrigado", "De nada! Estou aqui para ajudar."),
    ("Obrigada pela ajuda", "De nada! Estou aqui para ajudar."),
    ("Quem é você?", "Eu sou o AION, um assistente que responde a partir dos seus documentos."),
    ("O que você faz?", "Respondo a perguntas a partir dos seus documentos e cito as fontes."),
]


class Batches:
    """Draws batches of (ids, answer mask), padded to the longest, about `lesson.tokens` tokens each."""

    def __init__(self, corpus: Corpus, sp: spm.SentencePieceProcessor, seed: int, limit: int) -> None:
        self.corpus, self.sp, self.limit = corpus, sp, limit
        self.maker = Maker(corpus, seed)
        self.rng = random.Random(seed + 1)

    def pair(self, stage: Lesson) -> tuple[list[int], list[int]]:
        draw = self.rng.random()
        if draw < stage.copying:
            text = copy_text(self.rng, self.corpus)
            prompt = answer = text
        elif draw < stage.copying + 0.01:
            prompt, answer = self.rng.choice(GREETINGS)
        else:
            example = self.maker.example(self.rng.choice(stage.passages), stage.instructed)
            prompt, answer = example.prompt, example.answer
        head = [BOS, INST, *self.sp.encode(prompt), END_INST]
        return head, [*self.sp.encode(answer), EOS]

    def batch(self, stage: Lesson) -> tuple[Tensor, Tensor]:
        pairs: list[tuple[list[int], list[int]]] = []
        longest = 0
        while True:
            head, tail = self.pair(stage)
            if len(head) + len(tail) > self.limit:
                continue
            longest = max(longest, len(head) + len(tail))
            if pairs and longest * (len(pairs) + 1) > stage.tokens:
                break
            pairs.append((head, tail))
        longest = rounded(max(len(h) + len(t) for h, t in pairs))
        ids = torch.zeros(len(pairs), longest, dtype=torch.long)
        answers = torch.zeros(len(pairs), longest, dtype=torch.bool)
        for row, (head, tail) in enumerate(pairs):
            ids[row, : len(head) + len(tail)] = torch.tensor(head + tail)
            answers[row, len(head) : len(head) + len(tail)] = True
        return ids, answers


def rounded(length: int) -> int:
    """The next multiple of 64, at most the context: few shapes keep memory small."""
    return min(2048, -(-length // 64) * 64)


class Interrupt:
    """Set by SIGTERM or Ctrl-C: the loop ends after its step and saves, so that `--resume` loses nothing."""

    def __init__(self) -> None:
        self.wanted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._want)

    def _want(self, *_: object) -> None:
        self.wanted = True


def answer_loss(model: Trunk, ids: Tensor, answers: Tensor) -> tuple[Tensor, float]:
    """Cross entropy on the answer tokens, and the share of them predicted right."""
    hidden = model(ids[:, :-1])
    picked = answers[:, 1:]
    logits = F.linear(hidden[picked], model.embed_tokens.weight).float()
    target = ids[:, 1:][picked]
    right = (logits.argmax(-1) == target).float().mean().item()
    return F.cross_entropy(logits, target), right


def save_checkpoint(model: Trunk, config: Config, out: Path, sharpness: float) -> None:
    """Write config.json, model.safetensors (bf16) and tokenizer_config.json in Hugging Face's form.

    The final norm, and so every logit, is multiplied by `sharpness`: AION asks at temperature 0.5,
    and a model whose whole art is copying should not be led astray by chance.
    """
    weights = model.state_dict()
    weights["norm.weight"] = weights["norm.weight"] * sharpness
    tensors = {f"model.{k}": v.to(torch.bfloat16).contiguous() for k, v in weights.items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    head_dim = config.hidden_size // config.num_attention_heads
    (out / "config.json").write_text(json.dumps({
        "architectures": ["MistralForCausalLM"], "model_type": "mistral", **asdict(config),
        "head_dim": head_dim, "hidden_act": "silu", "tie_word_embeddings": True,
        "context_length_effective": EFFECTIVE_CONTEXT, "sliding_window": None,
        "bos_token_id": BOS, "eos_token_id": EOS, "torch_dtype": "bfloat16",
    }, indent=2) + "\n")  # fmt: skip
    (out / "tokenizer_config.json").write_text(json.dumps({
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>",
        "unk_token": "<unk>", "legacy": True, "tokenizer_class": "LlamaTokenizer",
        "chat_template": CHAT_TEMPLATE,
    }, indent=2) + "\n")  # fmt: skip
    (out / "generation_config.json").write_text(json.dumps({"temperature": 0.5, "top_p": 0.9}) + "\n")


def optimizers(model: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings and norms."""
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n]
    muon = torch.optim.Muon(matrices, lr=lr, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)]


def schedule(progress: float) -> float:
    """Linear decay over the last half, never below a twentieth."""
    return max(0.05, min(1.0, 2.0 * (1.0 - progress)))


class Trainer:
    """One training run: the model, its optimizers and how far it has come. `used` is seconds of work."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        torch.set_num_threads(args.threads)
        self.args = args
        self.out = Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.corpus = Corpus(Path(args.data))
        self.config = Config(
            vocab_size=args.vocab, hidden_size=args.width, intermediate_size=3 * args.width,
            num_hidden_layers=args.layers, num_attention_heads=args.heads, num_key_value_heads=args.heads,
        )  # fmt: skip
        self.model = Trunk(self.config).to(args.device)
        self.optimizers = optimizers(self.model, args.lr)
        self.used, self.tokens, self.step_number = 0.0, 0, 0
        self.mean_loss = self.mean_right = math.nan
        if args.resume:
            self.load()

    @property
    def progress(self) -> float:
        return self.used / (self.args.minutes * 60)

    def load(self) -> None:
        saved = torch.load(self.out / "state.pt", weights_only=False)
        self.model.load_state_dict(saved["model"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.used, self.tokens, self.step_number = saved["used"], saved["tokens"], saved["step"]

    def save(self) -> None:
        """The checkpoint and what `--resume` needs."""
        save_checkpoint(self.model, self.config, self.out, self.args.sharpness)
        states = [o.state_dict() for o in self.optimizers]
        state = {"model": self.model.state_dict(), "optimizers": states,
                 "used": self.used, "tokens": self.tokens, "step": self.step_number}  # fmt: skip
        torch.save(state, self.out / "state.pt")

    def tokenizer(self) -> spm.SentencePieceProcessor:
        kept = self.out / "tokenizer.model"
        if kept.exists():
            return spm.SentencePieceProcessor(model_file=str(kept))
        return train_tokenizer(self.corpus, self.out, self.config.vocab_size, self.args.seed)

    def step(self, ids: Tensor, answers: Tensor) -> None:
        """One update from one batch."""
        warm = min(1.0, (self.step_number + 1) / 60)
        set_rate(self.optimizers, self.args.lr * schedule(self.progress) * warm)
        with torch.autocast(self.args.device, torch.bfloat16):
            loss, right = answer_loss(self.model, ids.to(self.args.device), answers.to(self.args.device))
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step_number += 1
        self.tokens += ids.numel()
        self.mean_loss = smoothed(self.mean_loss, loss.item())
        self.mean_right = smoothed(self.mean_right, right)

    def report(self) -> None:
        row = {"step": self.step_number, "s": round(self.used), "Mtokens": round(self.tokens / 1e6, 3),
               "loss": round(self.mean_loss, 4), "right": round(self.mean_right, 4)}  # fmt: skip
        print(row, flush=True)
        with (self.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")

    def run(self) -> None:
        """Train until the time is used up or someone interrupts; save every few minutes and at the end."""
        limit = self.config.max_position_embeddings
        batches = Batches(self.corpus, self.tokenizer(), self.args.seed + self.step_number, limit)
        interrupt = Interrupt()
        last_save = clock = time.monotonic()
        while self.progress < 1 and not interrupt.wanted:
            self.step(*batches.batch(lesson(self.progress)))
            now = time.monotonic()
            self.used, clock = self.used + now - clock, now
            if self.step_number % 50 == 0:
                self.report()
            if now - last_save > 240:
                last_save = now
                self.save()
        self.save()
        print(f"{self.step_number} steps, {self.tokens / 1e6:.1f}M tokens, {self.used:.0f} s", flush=True)


def set_rate(optimizers: list[torch.optim.Optimizer], rate: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate


def smoothed(mean: float, value: float) -> float:
    """An exponential mean over about twenty values; the first value as it is."""
    return value if math.isnan(mean) else 0.95 * mean + 0.05 * value


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with passages.jsonl and questions.jsonl")
    parser.add_argument("--out", default="build/aion-nano", help="checkpoint folder (HF form)")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="training time, interruptions not counted"
    )
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--sharpness", type=float, default=4.0, help="factor on the logits")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the last saved state")
    Trainer(parser.parse_args()).run()


if __name__ == "__main__":
    main()
