"""Train the embedded embedding model from scratch and write it as a Hugging Face checkpoint.

    python scripts/train_embed.py --data FOLDER --out build/aion-embed --minutes 20

FOLDER holds `passages.jsonl` and `questions.jsonl` (see `models/README.md`). A small bidirectional
Mistral trunk with mean pooling learns, by contrast within the batch, to put a question beside the
passage that answers it. Half of each batch are neighbours of one article, which makes them hard.
At the end nDCG@10 on the `test` split over all passages is printed.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F
from nano_data import Corpus, Maker
from nano_tourism import facts, product_name
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from train_nano import (
    BOS,
    EOS,
    Config,
    Interrupt,
    Trunk,
    optimizers,
    rounded,
    schedule,
    set_rate,
    smoothed,
    train_tokenizer,
)

MAX_TOKENS = 512


class Pairs(Maker):
    """Draws (question, passage) pairs for one batch, no passage twice."""

    def pairs(self, n: int) -> list[tuple[str, str]]:
        centre = self.rng.randrange(len(self.corpus.articles))
        near = [centre, *map(int, self.corpus.neighbours[centre])]
        articles: list[int] = []
        while len(articles) < n:
            article = near.pop() if near else self.rng.randrange(len(self.corpus.articles))
            if article not in articles:
                articles.append(article)
        return [self._tourism_pair() if self.rng.random() < 0.15 else self._pair(a) for a in articles]

    def _pair(self, article: int) -> tuple[str, str]:
        asked = self.by_article.get(article)
        sentences = self.corpus.articles[article].sentences
        title = self.corpus.articles[article].title
        if asked and self.rng.random() < 0.6:
            question = self.rng.choice(asked)
            return question.text, self._passage(title, " ".join(self._window(article, question.sentence)))
        index = self.rng.randrange(len(sentences))
        window = self._window(article, index)
        question_text = self.made_question(sentences[index], title)
        if len(window) > 1 and self.rng.random() < 0.15:
            window.remove(sentences[index])
        return question_text, self._passage(title, " ".join(window))

    def _tourism_pair(self) -> tuple[str, str]:
        name = product_name(self.rng)
        document = facts(self.rng, name)
        first = self.rng.randrange(len(document) - 3)
        chosen = list(range(first, first + self.rng.randint(1, 3)))
        question = self.rng.choice(document[self.rng.choice(chosen)].questions)
        return self._noise(question), self._tourism_text(name, document, chosen)

    def __init__(self, corpus: Corpus, seed: int) -> None:
        super().__init__(corpus, seed)
        self.by_article: dict[int, list] = {}
        for question in corpus.questions:
            self.by_article.setdefault(question.article, []).append(question)


def pad(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = rounded(max(len(r) for r in rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    keep = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        keep[i, : len(row)] = True
    return ids, keep


def embed(model: Trunk, sp: spm.SentencePieceProcessor, texts: list[str]) -> Tensor:
    """Normalised mean of the last hidden states, (n, hidden)."""
    ids, keep = pad([sp.encode(t)[:MAX_TOKENS] for t in texts])
    hidden = model(ids, keep)
    mean = (hidden * keep[..., None]).sum(1) / keep.sum(1, keepdim=True)
    return F.normalize(mean.float(), dim=-1)


def contrast(questions: Tensor, passages: Tensor, temperature: float) -> Tensor:
    """InfoNCE both ways over the batch; a higher temperature asks for wider gaps between cosines."""
    scores = questions @ passages.T / temperature
    target = torch.arange(len(scores))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


@torch.no_grad()
def evaluate(model: Trunk, sp: spm.SentencePieceProcessor, folder: Path) -> dict[str, float]:
    """nDCG@10 and Recall@10 of the test questions over every passage, and the mean top-8 cosine."""
    passages = [json.loads(line) for line in (folder / "passages.jsonl").open(encoding="utf-8")]
    questions = [json.loads(line) for line in (folder / "questions.jsonl").open(encoding="utf-8")]
    questions = [q for q in questions if q.get("split") == "test"][::3]
    order = {p["id"]: i for i, p in enumerate(passages)}

    def vectors(texts: list[str]) -> np.ndarray:
        done = [embed(model, sp, texts[i : i + 32]).numpy() for i in range(0, len(texts), 32)]
        return np.concatenate(done)

    with torch.autocast("cpu", torch.bfloat16):
        scores = (
            vectors([q["question"] for q in questions])
            @ vectors([f"{p['title']}\n{p['text']}" for p in passages]).T
        )
    top = np.sort(scores, axis=1)[:, ::-1]
    gold = np.array([order[q["passage"]] for q in questions])
    rank = (scores > scores[np.arange(len(gold)), gold][:, None]).sum(1)
    ndcg = np.where(rank < 10, 1 / np.log2(rank + 2), 0).mean()
    return {"ndcg@10": round(float(ndcg), 4), "recall@10": round(float((rank < 10).mean()), 4),
            "top8_cosine": round(float(top[:, :8].mean()), 3)}  # fmt: skip


def save_checkpoint(model: Trunk, config: Config, out: Path) -> None:
    """Write the encoder in Hugging Face's form, with sentence-transformers' pooling file beside it."""
    tensors = {k: v.to(torch.bfloat16).contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps({
        "architectures": ["MistralModel"], "model_type": "mistral", **asdict(config), "is_causal": False,
        "head_dim": config.hidden_size // config.num_attention_heads, "hidden_act": "silu",
        "sliding_window": None, "bos_token_id": BOS, "eos_token_id": EOS, "torch_dtype": "bfloat16",
    }, indent=2) + "\n")  # fmt: skip
    (out / "tokenizer_config.json").write_text(json.dumps({
        "add_bos_token": False, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>",
        "unk_token": "<unk>", "legacy": True, "tokenizer_class": "LlamaTokenizer",
    }, indent=2) + "\n")  # fmt: skip
    (out / "1_Pooling").mkdir(exist_ok=True)
    (out / "1_Pooling" / "config.json").write_text(json.dumps(
        {"word_embedding_dimension": config.hidden_size, "pooling_mode_mean_tokens": True}, indent=2) + "\n")  # fmt: skip


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    corpus = Corpus(Path(args.data))
    config = Config(vocab_size=args.vocab, hidden_size=args.width, intermediate_size=2 * args.width,
                    num_hidden_layers=args.layers, num_attention_heads=4, num_key_value_heads=4,
                    max_position_embeddings=MAX_TOKENS)  # fmt: skip
    model = Trunk(config, causal=False)
    if args.init:
        shutil.copy(Path(args.init) / "tokenizer.model", out)
        sp = spm.SentencePieceProcessor(model_file=str(out / "tokenizer.model"))
        model.load_state_dict(
            {k: v.float() for k, v in load_file(Path(args.init) / "model.safetensors").items()}
        )
    else:
        sp = train_tokenizer(corpus, out, config.vocab_size, args.seed)
        nn.init.normal_(model.embed_tokens.weight, std=0.3)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f}M parameters", flush=True)
    steps_of = optimizers(model, args.lr)
    draw = Pairs(corpus, args.seed)
    start, step, mean_loss = time.monotonic(), 0, math.nan
    interrupt = Interrupt()
    while (used := time.monotonic() - start) < args.minutes * 60 and not interrupt.wanted:
        progress = used / (args.minutes * 60)
        rate = args.lr * schedule(progress) * min(1.0, (step + 1) / 40)
        set_rate(steps_of, rate)
        pairs = draw.pairs(args.batch)
        with torch.autocast("cpu", torch.bfloat16):
            asked, held = embed(model, sp, [q for q, _ in pairs]), embed(model, sp, [p for _, p in pairs])
            loss = contrast(asked, held, args.temperature)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o in steps_of:
            o.step()
            o.zero_grad(set_to_none=True)
        step += 1
        mean_loss = smoothed(mean_loss, loss.item())
        if step % 25 == 0:
            print({"step": step, "s": round(used), "loss": round(mean_loss, 4)}, flush=True)
    save_checkpoint(model, config, out)
    print(evaluate(model, sp, Path(args.data)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with passages.jsonl and questions.jsonl")
    parser.add_argument("--out", default="build/aion-embed", help="checkpoint folder (HF form)")
    parser.add_argument("--init", default=None, help="go on from this checkpoint folder")
    parser.add_argument("--temperature", type=float, default=0.05)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--vocab", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
