from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.creative_answer import CreativeAnswer
from ...models.creative_body import CreativeBody
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    line_item: int,
    *,
    body: CreativeBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(sightline_account, Unset):
        headers["Sightline-Account"] = sightline_account

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/line-items/{line_item}/creatives".format(
            line_item=quote(str(line_item), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> CreativeAnswer | Problem | None:
    if response.status_code == 201:
        response_201 = CreativeAnswer.from_dict(response.json())

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
) -> Response[CreativeAnswer | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    line_item: int,
    *,
    client: AuthenticatedClient,
    body: CreativeBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[CreativeAnswer | Problem]:
    """Add a creative

    Args:
        line_item (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (CreativeBody): Either `asset`, the hash of an upload, or the `asset_…` of another
            host with kind and size.

            The SDK checks the hash before it shows the asset.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CreativeAnswer | Problem]
    """

    kwargs = _get_kwargs(
        line_item=line_item,
        body=body,
        idempotency_key=idempotency_key,
        sightline_account=sightline_account,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    line_item: int,
    *,
    client: AuthenticatedClient,
    body: CreativeBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> CreativeAnswer | Problem | None:
    """Add a creative

    Args:
        line_item (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (CreativeBody): Either `asset`, the hash of an upload, or the `asset_…` of another
            host with kind and size.

            The SDK checks the hash before it shows the asset.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CreativeAnswer | Problem
    """

    return sync_detailed(
        line_item=line_item,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    line_item: int,
    *,
    client: AuthenticatedClient,
    body: CreativeBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[CreativeAnswer | Problem]:
    """Add a creative

    Args:
        line_item (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (CreativeBody): Either `asset`, the hash of an upload, or the `asset_…` of another
            host with kind and size.

            The SDK checks the hash before it shows the asset.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CreativeAnswer | Problem]
    """

    kwargs = _get_kwargs(
        line_item=line_item,
        body=body,
        idempotency_key=idempotency_key,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    line_item: int,
    *,
    client: AuthenticatedClient,
    body: CreativeBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> CreativeAnswer | Problem | None:
    """Add a creative

    Args:
        line_item (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (CreativeBody): Either `asset`, the hash of an upload, or the `asset_…` of another
            host with kind and size.

            The SDK checks the hash before it shows the asset.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CreativeAnswer | Problem
    """

    return (
        await asyncio_detailed(
            line_item=line_item,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
            sightline_account=sightline_account,
        )
    ).parsed
