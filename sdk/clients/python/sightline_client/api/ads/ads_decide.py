from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.ads_decide_ad_request_body import AdsDecideAdRequestBody
from ...models.ads_decide_decision_answer import AdsDecideDecisionAnswer
from ...models.ads_decide_explain import AdsDecideExplain
from ...models.ads_decide_no_bid_answer import AdsDecideNoBidAnswer
from ...models.ads_decide_trace_answer import AdsDecideTraceAnswer
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: AdsDecideAdRequestBody,
    explain: AdsDecideExplain | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    params: dict[str, Any] = {}

    json_explain: str | Unset = UNSET
    if not isinstance(explain, Unset):
        json_explain = explain.value

    params["explain"] = json_explain

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/decisions",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    AdsDecideDecisionAnswer
    | AdsDecideNoBidAnswer
    | AdsDecideTraceAnswer
    | Problem
    | None
):
    if response.status_code == 200:

        def _parse_response_200(
            data: object,
        ) -> AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_decision_answer = AdsDecideDecisionAnswer.from_dict(data)

                return response_200_decision_answer
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_no_bid_answer = AdsDecideNoBidAnswer.from_dict(data)

                return response_200_no_bid_answer
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_200_trace_answer = AdsDecideTraceAnswer.from_dict(data)

            return response_200_trace_answer

        response_200 = _parse_response_200(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[
    AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer | Problem
]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: AdsDecideAdRequestBody,
    explain: AdsDecideExplain | Unset = UNSET,
) -> Response[
    AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer | Problem
]:
    """Which ad does this placement show now?

     An ad whose price is held until it was seen or the token expires, or the reasons why there is none.

    With `explain=1`, a session or an API key that may read reports: every step of the decision instead,
    and nothing
    is held. One sees price and bids on one's own placements, one's own line items, and all counts.

    Args:
        explain (AdsDecideExplain | Unset):
        body (AdsDecideAdRequestBody): `viewer_key`: random, made by the SDK, forgotten after a
            day at the latest.

                `country` (ISO 3166-1 alpha-2), `language` (ISO 639-1) and `device` may be left out:
            then line items that target
                them, or exclude some, are not shown.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        explain=explain,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: AdsDecideAdRequestBody,
    explain: AdsDecideExplain | Unset = UNSET,
) -> (
    AdsDecideDecisionAnswer
    | AdsDecideNoBidAnswer
    | AdsDecideTraceAnswer
    | Problem
    | None
):
    """Which ad does this placement show now?

     An ad whose price is held until it was seen or the token expires, or the reasons why there is none.

    With `explain=1`, a session or an API key that may read reports: every step of the decision instead,
    and nothing
    is held. One sees price and bids on one's own placements, one's own line items, and all counts.

    Args:
        explain (AdsDecideExplain | Unset):
        body (AdsDecideAdRequestBody): `viewer_key`: random, made by the SDK, forgotten after a
            day at the latest.

                `country` (ISO 3166-1 alpha-2), `language` (ISO 639-1) and `device` may be left out:
            then line items that target
                them, or exclude some, are not shown.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        explain=explain,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: AdsDecideAdRequestBody,
    explain: AdsDecideExplain | Unset = UNSET,
) -> Response[
    AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer | Problem
]:
    """Which ad does this placement show now?

     An ad whose price is held until it was seen or the token expires, or the reasons why there is none.

    With `explain=1`, a session or an API key that may read reports: every step of the decision instead,
    and nothing
    is held. One sees price and bids on one's own placements, one's own line items, and all counts.

    Args:
        explain (AdsDecideExplain | Unset):
        body (AdsDecideAdRequestBody): `viewer_key`: random, made by the SDK, forgotten after a
            day at the latest.

                `country` (ISO 3166-1 alpha-2), `language` (ISO 639-1) and `device` may be left out:
            then line items that target
                them, or exclude some, are not shown.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        explain=explain,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: AdsDecideAdRequestBody,
    explain: AdsDecideExplain | Unset = UNSET,
) -> (
    AdsDecideDecisionAnswer
    | AdsDecideNoBidAnswer
    | AdsDecideTraceAnswer
    | Problem
    | None
):
    """Which ad does this placement show now?

     An ad whose price is held until it was seen or the token expires, or the reasons why there is none.

    With `explain=1`, a session or an API key that may read reports: every step of the decision instead,
    and nothing
    is held. One sees price and bids on one's own placements, one's own line items, and all counts.

    Args:
        explain (AdsDecideExplain | Unset):
        body (AdsDecideAdRequestBody): `viewer_key`: random, made by the SDK, forgotten after a
            day at the latest.

                `country` (ISO 3166-1 alpha-2), `language` (ISO 639-1) and `device` may be left out:
            then line items that target
                them, or exclude some, are not shown.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AdsDecideDecisionAnswer | AdsDecideNoBidAnswer | AdsDecideTraceAnswer | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            explain=explain,
        )
    ).parsed
