from http import HTTPStatus
from typing import Any, cast

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.openrtb_bid_body import OpenrtbBidBody
from ...models.openrtb_bid_response_200 import OpenrtbBidResponse200
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    *,
    body: OpenrtbBidBody,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/openrtb2/bid",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Any | OpenrtbBidResponse200 | Problem | None:
    if response.status_code == 200:
        response_200 = OpenrtbBidResponse200.from_dict(response.json())

        return response_200

    if response.status_code == 204:
        response_204 = cast(Any, None)
        return response_204

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Any | OpenrtbBidResponse200 | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: OpenrtbBidBody,
) -> Response[Any | OpenrtbBidResponse200 | Problem]:
    """Bids for the impressions of another exchange (OpenRTB 2.6)

     200 with bids, or with `nbr` where the specification has a reason for none; 204 when nobody bids.

    A bid's price is held for the seconds of its `exp`, and charged when `burl` is called, once.

    Args:
        body (OpenrtbBidBody): OpenRTB 2.6, §3.2. What is not known is ignored; docs/openrtb.md
            says what is read.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | OpenrtbBidResponse200 | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: OpenrtbBidBody,
) -> Any | OpenrtbBidResponse200 | Problem | None:
    """Bids for the impressions of another exchange (OpenRTB 2.6)

     200 with bids, or with `nbr` where the specification has a reason for none; 204 when nobody bids.

    A bid's price is held for the seconds of its `exp`, and charged when `burl` is called, once.

    Args:
        body (OpenrtbBidBody): OpenRTB 2.6, §3.2. What is not known is ignored; docs/openrtb.md
            says what is read.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | OpenrtbBidResponse200 | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: OpenrtbBidBody,
) -> Response[Any | OpenrtbBidResponse200 | Problem]:
    """Bids for the impressions of another exchange (OpenRTB 2.6)

     200 with bids, or with `nbr` where the specification has a reason for none; 204 when nobody bids.

    A bid's price is held for the seconds of its `exp`, and charged when `burl` is called, once.

    Args:
        body (OpenrtbBidBody): OpenRTB 2.6, §3.2. What is not known is ignored; docs/openrtb.md
            says what is read.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | OpenrtbBidResponse200 | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: OpenrtbBidBody,
) -> Any | OpenrtbBidResponse200 | Problem | None:
    """Bids for the impressions of another exchange (OpenRTB 2.6)

     200 with bids, or with `nbr` where the specification has a reason for none; 204 when nobody bids.

    A bid's price is held for the seconds of its `exp`, and charged when `burl` is called, once.

    Args:
        body (OpenrtbBidBody): OpenRTB 2.6, §3.2. What is not known is ignored; docs/openrtb.md
            says what is read.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | OpenrtbBidResponse200 | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
