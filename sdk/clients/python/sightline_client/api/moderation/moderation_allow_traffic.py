from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.network_answer import NetworkAnswer
from ...models.network_body import NetworkBody
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: NetworkBody,
    sightline_account: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(sightline_account, Unset):
        headers["Sightline-Account"] = sightline_account

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/moderation/traffic-allowances",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> NetworkAnswer | Problem | None:
    if response.status_code == 201:
        response_201 = NetworkAnswer.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

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
) -> Response[NetworkAnswer | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: NetworkBody,
    sightline_account: str | Unset = UNSET,
) -> Response[NetworkAnswer | Problem]:
    """Allow a network of a data centre

    Args:
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (NetworkBody): A data centre's network from which worlds are streamed to people.
            Without a publisher it holds for everybody.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[NetworkAnswer | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        sightline_account=sightline_account,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: NetworkBody,
    sightline_account: str | Unset = UNSET,
) -> NetworkAnswer | Problem | None:
    """Allow a network of a data centre

    Args:
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (NetworkBody): A data centre's network from which worlds are streamed to people.
            Without a publisher it holds for everybody.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        NetworkAnswer | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: NetworkBody,
    sightline_account: str | Unset = UNSET,
) -> Response[NetworkAnswer | Problem]:
    """Allow a network of a data centre

    Args:
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (NetworkBody): A data centre's network from which worlds are streamed to people.
            Without a publisher it holds for everybody.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[NetworkAnswer | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: NetworkBody,
    sightline_account: str | Unset = UNSET,
) -> NetworkAnswer | Problem | None:
    """Allow a network of a data centre

    Args:
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (NetworkBody): A data centre's network from which worlds are streamed to people.
            Without a publisher it holds for everybody.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        NetworkAnswer | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            sightline_account=sightline_account,
        )
    ).parsed
