from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.proof_answer import ProofAnswer
from ...types import Response, Unset


def _get_kwargs(
    world: int,
    *,
    x_identity_timestamp: str | Unset = "",
    x_identity_metadata: str | Unset = "",
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_identity_timestamp, Unset):
        headers["x-identity-timestamp"] = x_identity_timestamp

    if not isinstance(x_identity_metadata, Unset):
        headers["x-identity-metadata"] = x_identity_metadata

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/worlds/{world}/proof/scene".format(
            world=quote(str(world), safe=""),
        ),
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | ProofAnswer | None:
    if response.status_code == 200:
        response_200 = ProofAnswer.from_dict(response.json())

        return response_200

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

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

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
) -> Response[Problem | ProofAnswer]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    world: int,
    *,
    client: AuthenticatedClient | Client,
    x_identity_timestamp: str | Unset = "",
    x_identity_metadata: str | Unset = "",
) -> Response[Problem | ProofAnswer]:
    """Prove a Decentraland world out of its scene

     Called by the scene with `signedFetch` while you, with the wallet that holds the land, stand in it.

    Args:
        world (int):
        x_identity_timestamp (str | Unset):  Default: ''.
        x_identity_metadata (str | Unset):  Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ProofAnswer]
    """

    kwargs = _get_kwargs(
        world=world,
        x_identity_timestamp=x_identity_timestamp,
        x_identity_metadata=x_identity_metadata,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    world: int,
    *,
    client: AuthenticatedClient | Client,
    x_identity_timestamp: str | Unset = "",
    x_identity_metadata: str | Unset = "",
) -> Problem | ProofAnswer | None:
    """Prove a Decentraland world out of its scene

     Called by the scene with `signedFetch` while you, with the wallet that holds the land, stand in it.

    Args:
        world (int):
        x_identity_timestamp (str | Unset):  Default: ''.
        x_identity_metadata (str | Unset):  Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ProofAnswer
    """

    return sync_detailed(
        world=world,
        client=client,
        x_identity_timestamp=x_identity_timestamp,
        x_identity_metadata=x_identity_metadata,
    ).parsed


async def asyncio_detailed(
    world: int,
    *,
    client: AuthenticatedClient | Client,
    x_identity_timestamp: str | Unset = "",
    x_identity_metadata: str | Unset = "",
) -> Response[Problem | ProofAnswer]:
    """Prove a Decentraland world out of its scene

     Called by the scene with `signedFetch` while you, with the wallet that holds the land, stand in it.

    Args:
        world (int):
        x_identity_timestamp (str | Unset):  Default: ''.
        x_identity_metadata (str | Unset):  Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ProofAnswer]
    """

    kwargs = _get_kwargs(
        world=world,
        x_identity_timestamp=x_identity_timestamp,
        x_identity_metadata=x_identity_metadata,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    world: int,
    *,
    client: AuthenticatedClient | Client,
    x_identity_timestamp: str | Unset = "",
    x_identity_metadata: str | Unset = "",
) -> Problem | ProofAnswer | None:
    """Prove a Decentraland world out of its scene

     Called by the scene with `signedFetch` while you, with the wallet that holds the land, stand in it.

    Args:
        world (int):
        x_identity_timestamp (str | Unset):  Default: ''.
        x_identity_metadata (str | Unset):  Default: ''.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ProofAnswer
    """

    return (
        await asyncio_detailed(
            world=world,
            client=client,
            x_identity_timestamp=x_identity_timestamp,
            x_identity_metadata=x_identity_metadata,
        )
    ).parsed
