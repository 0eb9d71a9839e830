from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.external_demand import ExternalDemand
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    placement: int,
    *,
    body: ExternalDemand,
    sightline_account: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(sightline_account, Unset):
        headers["Sightline-Account"] = sightline_account

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/v1/placements/{placement}/external-demand".format(
            placement=quote(str(placement), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ExternalDemand | Problem | None:
    if response.status_code == 200:
        response_200 = ExternalDemand.from_dict(response.json())

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

    if response.status_code == 412:
        response_412 = Problem.from_dict(response.json())

        return response_412

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
) -> Response[ExternalDemand | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    placement: int,
    *,
    client: AuthenticatedClient,
    body: ExternalDemand,
    sightline_account: str | Unset = UNSET,
) -> Response[ExternalDemand | Problem]:
    """Let external bidders compete for the placement, or not

    Args:
        placement (int):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (ExternalDemand): Whether bidders on servers of their own compete for the placement;
            each ad request then waits for them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExternalDemand | Problem]
    """

    kwargs = _get_kwargs(
        placement=placement,
        body=body,
        sightline_account=sightline_account,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    placement: int,
    *,
    client: AuthenticatedClient,
    body: ExternalDemand,
    sightline_account: str | Unset = UNSET,
) -> ExternalDemand | Problem | None:
    """Let external bidders compete for the placement, or not

    Args:
        placement (int):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (ExternalDemand): Whether bidders on servers of their own compete for the placement;
            each ad request then waits for them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExternalDemand | Problem
    """

    return sync_detailed(
        placement=placement,
        client=client,
        body=body,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    placement: int,
    *,
    client: AuthenticatedClient,
    body: ExternalDemand,
    sightline_account: str | Unset = UNSET,
) -> Response[ExternalDemand | Problem]:
    """Let external bidders compete for the placement, or not

    Args:
        placement (int):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (ExternalDemand): Whether bidders on servers of their own compete for the placement;
            each ad request then waits for them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExternalDemand | Problem]
    """

    kwargs = _get_kwargs(
        placement=placement,
        body=body,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    placement: int,
    *,
    client: AuthenticatedClient,
    body: ExternalDemand,
    sightline_account: str | Unset = UNSET,
) -> ExternalDemand | Problem | None:
    """Let external bidders compete for the placement, or not

    Args:
        placement (int):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (ExternalDemand): Whether bidders on servers of their own compete for the placement;
            each ad request then waits for them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExternalDemand | Problem
    """

    return (
        await asyncio_detailed(
            placement=placement,
            client=client,
            body=body,
            sightline_account=sightline_account,
        )
    ).parsed
