from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    token: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/c/{token}".format(
            token=quote(str(token), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Any | Problem | None:
    if response.status_code == 302:
        response_302 = cast(Any, None)
        return response_302

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

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
) -> Response[Any | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    token: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Any | Problem]:
    """Follow an ad

     Counts a click like POST /v1/events does, now or when Redis is back, and redirects to the creative's
    page.

    The page's address ends with `sl_click`, the click id, when the line item has a conversion goal and
    the viewer
    does not object (Sec-GPC). A browser that only looks ahead (Sec-Purpose: prefetch) is answered 503
    and counts
    for nothing: it asks again when somebody clicks.

    Args:
        token (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        token=token,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    token: str,
    *,
    client: AuthenticatedClient | Client,
) -> Any | Problem | None:
    """Follow an ad

     Counts a click like POST /v1/events does, now or when Redis is back, and redirects to the creative's
    page.

    The page's address ends with `sl_click`, the click id, when the line item has a conversion goal and
    the viewer
    does not object (Sec-GPC). A browser that only looks ahead (Sec-Purpose: prefetch) is answered 503
    and counts
    for nothing: it asks again when somebody clicks.

    Args:
        token (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return sync_detailed(
        token=token,
        client=client,
    ).parsed


async def asyncio_detailed(
    token: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Any | Problem]:
    """Follow an ad

     Counts a click like POST /v1/events does, now or when Redis is back, and redirects to the creative's
    page.

    The page's address ends with `sl_click`, the click id, when the line item has a conversion goal and
    the viewer
    does not object (Sec-GPC). A browser that only looks ahead (Sec-Purpose: prefetch) is answered 503
    and counts
    for nothing: it asks again when somebody clicks.

    Args:
        token (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        token=token,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    token: str,
    *,
    client: AuthenticatedClient | Client,
) -> Any | Problem | None:
    """Follow an ad

     Counts a click like POST /v1/events does, now or when Redis is back, and redirects to the creative's
    page.

    The page's address ends with `sl_click`, the click id, when the line item has a conversion goal and
    the viewer
    does not object (Sec-GPC). A browser that only looks ahead (Sec-Purpose: prefetch) is answered 503
    and counts
    for nothing: it asks again when somebody clicks.

    Args:
        token (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return (
        await asyncio_detailed(
            token=token,
            client=client,
        )
    ).parsed
