"""Models of the Hugging Face hub: what a repository holds, and the files of it that are needed, here.

Files lie in huggingface_hub's own cache, and its own settings hold (HF_TOKEN, HF_HOME, HF_ENDPOINT,
HF_HUB_OFFLINE). Knows no GGUF and no architecture.
"""

from aion.convert.hub.download import DownloadProgress
from aion.convert.hub.fetch import cached_checkpoint, fetch_checkpoint, fetch_gguf
from aion.convert.hub.hub_id import HubId, hub_id
from aion.convert.hub.repository import Repository, look_up

__all__ = [
    "DownloadProgress",
    "HubId",
    "Repository",
    "cached_checkpoint",
    "fetch_checkpoint",
    "fetch_gguf",
    "hub_id",
    "look_up",
]
