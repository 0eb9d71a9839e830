from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.conversions_report_postback import ConversionsReportPostback
from ...models.conversions_report_postback_answer import ConversionsReportPostbackAnswer
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    *,
    body: ConversionsReportPostback,
    sightline_timestamp: str,
    sightline_signature: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Sightline-Timestamp"] = sightline_timestamp

    headers["Sightline-Signature"] = sightline_signature

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/conversions",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ConversionsReportPostbackAnswer | Problem | None:
    if response.status_code == 202:
        response_202 = ConversionsReportPostbackAnswer.from_dict(response.json())

        return response_202

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

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
) -> Response[ConversionsReportPostbackAnswer | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ConversionsReportPostback,
    sightline_timestamp: str,
    sightline_signature: str,
) -> Response[ConversionsReportPostbackAnswer | Problem]:
    """Report a conversion from a server, signed

     Stored once for each goal and order id. 202 with the verdict; anything else means that nothing was
    stored.

    Args:
        sightline_timestamp (str): Unix seconds
        sightline_signature (str): `v1=` and HMAC-SHA-256 of `<timestamp>.<raw body>` under the
            goal's secret, in hex
        body (ConversionsReportPostback): The body. `order_id` is the advertiser's name of the
            conversion: sent again, it is counted once.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ConversionsReportPostbackAnswer | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        sightline_timestamp=sightline_timestamp,
        sightline_signature=sightline_signature,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: ConversionsReportPostback,
    sightline_timestamp: str,
    sightline_signature: str,
) -> ConversionsReportPostbackAnswer | Problem | None:
    """Report a conversion from a server, signed

     Stored once for each goal and order id. 202 with the verdict; anything else means that nothing was
    stored.

    Args:
        sightline_timestamp (str): Unix seconds
        sightline_signature (str): `v1=` and HMAC-SHA-256 of `<timestamp>.<raw body>` under the
            goal's secret, in hex
        body (ConversionsReportPostback): The body. `order_id` is the advertiser's name of the
            conversion: sent again, it is counted once.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ConversionsReportPostbackAnswer | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        sightline_timestamp=sightline_timestamp,
        sightline_signature=sightline_signature,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ConversionsReportPostback,
    sightline_timestamp: str,
    sightline_signature: str,
) -> Response[ConversionsReportPostbackAnswer | Problem]:
    """Report a conversion from a server, signed

     Stored once for each goal and order id. 202 with the verdict; anything else means that nothing was
    stored.

    Args:
        sightline_timestamp (str): Unix seconds
        sightline_signature (str): `v1=` and HMAC-SHA-256 of `<timestamp>.<raw body>` under the
            goal's secret, in hex
        body (ConversionsReportPostback): The body. `order_id` is the advertiser's name of the
            conversion: sent again, it is counted once.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ConversionsReportPostbackAnswer | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        sightline_timestamp=sightline_timestamp,
        sightline_signature=sightline_signature,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: ConversionsReportPostback,
    sightline_timestamp: str,
    sightline_signature: str,
) -> ConversionsReportPostbackAnswer | Problem | None:
    """Report a conversion from a server, signed

     Stored once for each goal and order id. 202 with the verdict; anything else means that nothing was
    stored.

    Args:
        sightline_timestamp (str): Unix seconds
        sightline_signature (str): `v1=` and HMAC-SHA-256 of `<timestamp>.<raw body>` under the
            goal's secret, in hex
        body (ConversionsReportPostback): The body. `order_id` is the advertiser's name of the
            conversion: sent again, it is counted once.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ConversionsReportPostbackAnswer | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            sightline_timestamp=sightline_timestamp,
            sightline_signature=sightline_signature,
        )
    ).parsed
