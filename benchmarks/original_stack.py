"""The stack AION replaces, as small as it can be: transformers and PEFT in bf16 behind one lock, over HTTP.

    python benchmarks/original_stack.py CHECKPOINT --port 8009 [--adapter PEFT_FOLDER] [--threads N]

CHECKPOINT is one of make_model.py. One request is generated at a time; the others wait for the lock. It
speaks enough of `POST /v1/chat/completions` for load.py to measure it: the whole answer is one server-sent
event. Text goes through sentencepiece itself, since transformers 5 reads such a vocabulary only with
protobuf's help.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sentencepiece
import torch
import uvicorn
from peft import PeftModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from transformers import AutoModelForCausalLM


class Service:
    """A model with its tokenizer; `generate` is for one caller at a time."""

    def __init__(self, checkpoint: Path, adapter: Path | None) -> None:
        self._vocabulary = sentencepiece.SentencePieceProcessor(str(checkpoint / "tokenizer.model"))
        model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.bfloat16)
        self._model = model if adapter is None else PeftModel.from_pretrained(model, adapter)
        self._model.eval()
        self.lock = asyncio.Lock()

    @torch.inference_mode()
    def generate(self, messages: list[dict[str, str]], n_tokens: int) -> tuple[str, int, int]:
        """Greedy text, and the counts of prompt and answer tokens."""
        text = "".join(f"[INST] {message['content']} [/INST]" for message in messages)
        prompt = [self._vocabulary.bos_id(), *self._vocabulary.encode(text)]
        given = torch.tensor([prompt])
        out = self._model.generate(
            input_ids=given,
            attention_mask=torch.ones_like(given),
            max_new_tokens=n_tokens,
            do_sample=False,
        )
        tokens = out[0, len(prompt) :].tolist()
        return self._vocabulary.decode(tokens), len(prompt), len(tokens)


async def chat(request: Request) -> Response:
    body = await request.json()
    service: Service = request.app.state.service
    async with service.lock:
        text, n_prompt, n_completion = await asyncio.to_thread(
            service.generate, body["messages"], body["max_tokens"]
        )
    usage = {"prompt_tokens": n_prompt, "completion_tokens": n_completion}
    return StreamingResponse(_events(text, usage), media_type="text/event-stream")


def _events(text: str, usage: dict[str, int]) -> Iterator[str]:
    for event in ({"choices": [{"delta": {"content": text}}]}, {"choices": [], "usage": usage}):
        yield f"data: {json.dumps(event)}\n\n"
    yield "data: [DONE]\n\n"


async def health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    routes = [Route("/health", health), Route("/v1/chat/completions", chat, methods=["POST"])]
    app = Starlette(routes=routes)
    app.state.service = Service(args.checkpoint, args.adapter)
    uvicorn.run(app, host="127.0.0.1", port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
