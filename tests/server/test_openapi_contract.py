"""What schemathesis makes of the description: requests that fit it and requests that do not, sent to a real
server, and its answers held against it. The same requests every time.

The server is of this module alone: documents are deleted, and whatever can be asked for is. Answers are
short, for it is not the model that is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.config import SchemathesisConfig

from aion.server.services import open_services
from tests.server.described import strict_document
from tests.server.live import SINTRA, Live, live, settings_in

N_EXAMPLES = 20
N_TOKENS = 3
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
CONFIG = SchemathesisConfig.from_dict({
    "seed": 20260131,
    "generation": {
        "deterministic": True,
        "no-shrink": True,
        "database": "none",
        "with-security-parameters": False,  # who may ask is tested in access/
        "max-examples": N_EXAMPLES,
    },
    # 501: no reranker is set; 504: a `timeout_s` that is shorter than any answer
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 501, 504]}},
})  # fmt: skip


api = schemathesis.openapi.from_dict(strict_document(), config=CONFIG)


@api.hook
def map_body(_context: object, body: Any) -> Any:
    """Short answers, few of them; what is wrong stays wrong."""
    if not isinstance(body, dict):
        return body
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "min_tokens"):
        if name in body and type(body[name]) is int and 1 <= body[name] <= 131072:
            body[name] = min(body[name], N_TOKENS)
    if type(body.get("n")) is int and 1 <= body["n"] <= 16:
        body["n"] = 1
    return body


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = settings_in(tmp_path_factory.mktemp("contract"), max_new_tokens=N_TOKENS, rate_address=0)
    with open_services(settings) as services:
        services.library.ingester.ingest([SINTRA], settings.tenant)
        with live(services) as running:
            yield running


@api.parametrize()
@settings(suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: schemathesis.Case[Any], served: Live) -> None:
    case.call_and_validate(base_url=served.url, checks=CHECKS)
