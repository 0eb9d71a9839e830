from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.flag_page import FlagPage
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    objected: bool | Unset = False,
    after: int | Unset = 0,
    limit: int | Unset = 50,
    sightline_account: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(sightline_account, Unset):
        headers["Sightline-Account"] = sightline_account

    params: dict[str, Any] = {}

    params["objected"] = objected

    params["after"] = after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/moderation/traffic-flags",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> FlagPage | Problem | None:
    if response.status_code == 200:
        response_200 = FlagPage.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

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
) -> Response[FlagPage | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    objected: bool | Unset = False,
    after: int | Unset = 0,
    limit: int | Unset = 50,
    sightline_account: str | Unset = UNSET,
) -> Response[FlagPage | Problem]:
    """Flags of invalid traffic, the oldest first

    Args:
        objected (bool | Unset): only those with an objection that waits for a decision Default:
            False.
        after (int | Unset): id of the last row of the page before Default: 0.
        limit (int | Unset): rows on this page Default: 50.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FlagPage | Problem]
    """

    kwargs = _get_kwargs(
        objected=objected,
        after=after,
        limit=limit,
        sightline_account=sightline_account,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    objected: bool | Unset = False,
    after: int | Unset = 0,
    limit: int | Unset = 50,
    sightline_account: str | Unset = UNSET,
) -> FlagPage | Problem | None:
    """Flags of invalid traffic, the oldest first

    Args:
        objected (bool | Unset): only those with an objection that waits for a decision Default:
            False.
        after (int | Unset): id of the last row of the page before Default: 0.
        limit (int | Unset): rows on this page Default: 50.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FlagPage | Problem
    """

    return sync_detailed(
        client=client,
        objected=objected,
        after=after,
        limit=limit,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    objected: bool | Unset = False,
    after: int | Unset = 0,
    limit: int | Unset = 50,
    sightline_account: str | Unset = UNSET,
) -> Response[FlagPage | Problem]:
    """Flags of invalid traffic, the oldest first

    Args:
        objected (bool | Unset): only those with an objection that waits for a decision Default:
            False.
        after (int | Unset): id of the last row of the page before Default: 0.
        limit (int | Unset): rows on this page Default: 50.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FlagPage | Problem]
    """

    kwargs = _get_kwargs(
        objected=objected,
        after=after,
        limit=limit,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    objected: bool | Unset = False,
    after: int | Unset = 0,
    limit: int | Unset = 50,
    sightline_account: str | Unset = UNSET,
) -> FlagPage | Problem | None:
    """Flags of invalid traffic, the oldest first

    Args:
        objected (bool | Unset): only those with an objection that waits for a decision Default:
            False.
        after (int | Unset): id of the last row of the page before Default: 0.
        limit (int | Unset): rows on this page Default: 50.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FlagPage | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            objected=objected,
            after=after,
            limit=limit,
            sightline_account=sightline_account,
        )
    ).parsed
