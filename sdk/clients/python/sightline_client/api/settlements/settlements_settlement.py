from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.settlement import Settlement
from ...types import Response


def _get_kwargs(
    epoch: int,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/settlements/{epoch}".format(
            epoch=quote(str(epoch), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | Settlement | None:
    if response.status_code == 200:
        response_200 = Settlement.from_dict(response.json())

        return response_200

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

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
) -> Response[Problem | Settlement]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    epoch: int,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | Settlement]:
    """Settlement

     One settlement.

    Args:
        epoch (int): epoch number, from 1

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Settlement]
    """

    kwargs = _get_kwargs(
        epoch=epoch,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    epoch: int,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | Settlement | None:
    """Settlement

     One settlement.

    Args:
        epoch (int): epoch number, from 1

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Settlement
    """

    return sync_detailed(
        epoch=epoch,
        client=client,
    ).parsed


async def asyncio_detailed(
    epoch: int,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | Settlement]:
    """Settlement

     One settlement.

    Args:
        epoch (int): epoch number, from 1

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Settlement]
    """

    kwargs = _get_kwargs(
        epoch=epoch,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    epoch: int,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | Settlement | None:
    """Settlement

     One settlement.

    Args:
        epoch (int): epoch number, from 1

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Settlement
    """

    return (
        await asyncio_detailed(
            epoch=epoch,
            client=client,
        )
    ).parsed
