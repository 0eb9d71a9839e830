from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.attesting import Attesting
from ...models.problem import Problem
from ...models.settlement import Settlement
from ...types import Response


def _get_kwargs(
    epoch: int,
    attempt: int,
    *,
    body: Attesting,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/settlements/{epoch}/{attempt}/attestations".format(
            epoch=quote(str(epoch), safe=""),
            attempt=quote(str(attempt), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | Settlement | None:
    if response.status_code == 200:
        response_200 = Settlement.from_dict(response.json())

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
) -> Response[Problem | Settlement]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    epoch: int,
    attempt: int,
    *,
    client: AuthenticatedClient | Client,
    body: Attesting,
) -> Response[Problem | Settlement]:
    """Attest

     Attest a settlement. Sending the same attestation again changes nothing.

    Args:
        epoch (int): epoch number, from 1
        attempt (int): vetoes before this attempt
        body (Attesting): An attestor's signature over the EIP-712 `Settlement`, compact
            (EIP-2098): r and vs, 64 bytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Settlement]
    """

    kwargs = _get_kwargs(
        epoch=epoch,
        attempt=attempt,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    epoch: int,
    attempt: int,
    *,
    client: AuthenticatedClient | Client,
    body: Attesting,
) -> Problem | Settlement | None:
    """Attest

     Attest a settlement. Sending the same attestation again changes nothing.

    Args:
        epoch (int): epoch number, from 1
        attempt (int): vetoes before this attempt
        body (Attesting): An attestor's signature over the EIP-712 `Settlement`, compact
            (EIP-2098): r and vs, 64 bytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Settlement
    """

    return sync_detailed(
        epoch=epoch,
        attempt=attempt,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    epoch: int,
    attempt: int,
    *,
    client: AuthenticatedClient | Client,
    body: Attesting,
) -> Response[Problem | Settlement]:
    """Attest

     Attest a settlement. Sending the same attestation again changes nothing.

    Args:
        epoch (int): epoch number, from 1
        attempt (int): vetoes before this attempt
        body (Attesting): An attestor's signature over the EIP-712 `Settlement`, compact
            (EIP-2098): r and vs, 64 bytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Settlement]
    """

    kwargs = _get_kwargs(
        epoch=epoch,
        attempt=attempt,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    epoch: int,
    attempt: int,
    *,
    client: AuthenticatedClient | Client,
    body: Attesting,
) -> Problem | Settlement | None:
    """Attest

     Attest a settlement. Sending the same attestation again changes nothing.

    Args:
        epoch (int): epoch number, from 1
        attempt (int): vetoes before this attempt
        body (Attesting): An attestor's signature over the EIP-712 `Settlement`, compact
            (EIP-2098): r and vs, 64 bytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Settlement
    """

    return (
        await asyncio_detailed(
            epoch=epoch,
            attempt=attempt,
            client=client,
            body=body,
        )
    ).parsed
