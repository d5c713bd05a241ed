"""Hands calls to moto without the way through HTTP, for tests that make very many of them.

The function's clients still check, serialise, announce and repeat every call, and moto's own
actions answer it. Left out is what takes most of the time and decides nothing: signing, XML, dates
in text.
"""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.client import BaseClient
from botocore.hooks import first_non_none_response
from botocore.parsers import JSONParser, QueryParser, RestJSONParser
from botocore.useragent import UserAgentString
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model, method_names_from_class
from moto.dynamodb.responses import DynamoHandler
from moto.iam.models import get_account_id_from
from moto.iam.responses import IamResponse
from moto.scheduler.responses import EventBridgeSchedulerResponse
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.responses import TokenResponse

from doubles import quick_dynamodb

_RESPONSES: dict[str, type[BaseResponse]] = {
    "cloudformation": CloudFormationResponse,
    "dynamodb": DynamoHandler,
    "iam": IamResponse,
    "scheduler": EventBridgeSchedulerResponse,
    "secretsmanager": SecretsManagerResponse,
    "sts": TokenResponse,
}
Answer = tuple[Any, dict[str, Any]]
_REFUSED = 300
_make_request_by_http: Any = BaseClient._make_request  # type: ignore[attr-defined]
_JSON: Any = JSONParser()
_XML: Any = QueryParser()
_REST: Any = RestJSONParser()
_QUERY: Any = JSONParser(timestamp_parser=datetime.fromisoformat)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the short way until the patches are undone."""
    monkeypatch.setattr(BaseClient, "_make_request", _make_request)
    monkeypatch.setattr(UserAgentString, "to_string", lambda _self: "tests")
    names = cache(method_names_from_class)
    monkeypatch.setattr("moto.core.responses.method_names_from_class", names)
    monkeypatch.setattr(BaseResponse, "_enrich_response", lambda _self, *answer: answer)


def _make_request(
    client: Any, operation: Any, request_dict: dict[str, Any], context: object
) -> Answer:
    """Takes the place of botocore's method, after which it raises what the answer says."""
    if client.meta.service_model.service_name not in _RESPONSES:
        http: Answer = _make_request_by_http(client, operation, request_dict, context)
        return http
    service, attempts = client.meta.service_model.service_id.hyphenize(), 1
    while True:
        answer, error = _try(client, operation, request_dict, service)
        if error is None and answer is not None and answer[0].status_code < _REFUSED:
            return answer
        delays = client.meta.events.emit(
            f"needs-retry.{service}.{operation.name}",
            response=answer,
            endpoint=None,
            operation=operation,
            attempts=attempts,
            caught_exception=error,
            request_dict=request_dict,
        )
        delay = first_non_none_response(delays)
        if delay is None:
            if answer is None:
                raise error
            return answer
        time.sleep(delay)
        attempts += 1


def _try(
    client: Any, operation: Any, request_dict: dict[str, Any], service: str
) -> tuple[Answer | None, Any]:
    """One try, as Endpoint._get_response of botocore: its answer, or what it ended in."""
    responses = client.meta.events.emit(f"before-try.{service}.{operation.name}")
    if refusal := first_non_none_response(responses):
        return (_http(400), refusal), None
    try:
        return _answer(client, operation, request_dict), None
    except Exception as error:  # noqa: BLE001 - as botocore does
        return None, error


def _answer(client: Any, operation: Any, request_dict: dict[str, Any]) -> Answer:
    if client.meta.service_model.service_name == "dynamodb":
        try:
            quick = quick_dynamodb.answer(client, operation.name, json.loads(request_dict["body"]))
        except quick_dynamodb.UnusualError:
            pass
        else:
            return _http(400 if "Error" in quick else 200), quick
    response = _RESPONSES[client.meta.service_model.service_name]()
    _set_up(response, client, request_dict)
    if client.meta.service_model.service_name == "scheduler":
        _route(response, operation, request_dict["url_path"])
    answered: Any = response.call_action()
    status, headers, text = answered
    body = text if isinstance(text, bytes) else text.encode()
    answer = {"status_code": int(status), "headers": headers, "body": body}
    if client.meta.service_model.resolved_protocol == "query":
        # Some of moto's errors are XML whatever was wanted.
        xml = body.startswith(b"<")
        parsed = _XML.parse(answer, None) if xml else _parsed_query(operation, json.loads(body))
    else:
        parser = _REST if client.meta.service_model.resolved_protocol == "rest-json" else _JSON
        parsed = parser.parse(answer, operation.output_shape)
        if "Error" in parsed:
            model = client.meta.service_model
            if shape := model.shape_for_error_code(parsed["Error"]["Code"]):
                parsed |= parser.parse(answer, shape)
    return _http(int(status)), parsed


def _http(status: int) -> SimpleNamespace:
    return SimpleNamespace(status_code=status, headers={})


def _set_up(response: Any, client: Any, request_dict: dict[str, Any]) -> None:
    """What BaseResponse.setup_class reads from an HTTP request."""
    body: Any = request_dict["body"]
    response.headers, response.response_headers, response.uri_match = (
        request_dict["headers"],
        {},
        {},
    )
    response.region, response.partition = client.meta.region_name, client.meta.partition
    response.access_key = client._request_signer._credentials.access_key
    response.current_account = get_account_id_from(response.access_key)
    if not isinstance(body, Mapping):
        query: Any = request_dict["query_string"] or {}
        response.body, response.data, response.uri = body.decode(), {}, request_dict["url"]
        response.querystring = {name: [value] for name, value in query.items()}
        if response.automated_parameter_parsing:
            response.params = json.loads(body)
        return
    response.body = ""
    # With this, AWS's query protocol answers in JSON, and so does moto.
    wanted = {**body, "ContentType": "JSON"}
    response.data = response.querystring = {name: [value] for name, value in wanted.items()}
    model = get_service_model(response.boto3_service_name).operation_model(body["Action"])
    parser: Any = PROTOCOL_PARSERS["query"](model, map_type=response.PROTOCOL_PARSER_MAP_TYPE)
    response.params = parser.parse({"values": body})


def _route(response: Any, operation: Any, path: str) -> None:
    """What moto reads from the address of a REST call."""
    response._get_action = lambda: operation.name
    parts = zip(operation.http["requestUri"].split("/"), path.split("/"), strict=True)
    response.uri_match = {
        name.strip("{}"): unquote(part) for name, part in parts if name.startswith("{")
    }


def _parsed_query(operation: Any, answer: dict[str, Any]) -> dict[str, Any]:
    if "Error" in answer:
        return {"Error": answer["Error"], "ResponseMetadata": {}}
    content = answer[f"{operation.name}Response"]
    shape = operation.output_shape
    parsed = (
        _QUERY._parse_shape(shape, content[shape.serialization["resultWrapper"]]) if shape else {}
    )
    return {**parsed, "ResponseMetadata": {}}
