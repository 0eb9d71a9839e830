import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.video_events import VideoEvents
from ...types import UNSET, Response, Unset


def _get_kwargs(
    line_item: int,
    *,
    day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(sightline_account, Unset):
        headers["Sightline-Account"] = sightline_account

    params: dict[str, Any] = {}

    json_day: str | Unset = UNSET
    if not isinstance(day, Unset):
        json_day = day.isoformat()
    params["day"] = json_day

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/line-items/{line_item}/video-events".format(
            line_item=quote(str(line_item), safe=""),
        ),
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | VideoEvents | None:
    if response.status_code == 200:
        response_200 = VideoEvents.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

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
) -> Response[Problem | VideoEvents]:
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
    day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[Problem | VideoEvents]:
    """How far videos of a line item were played (VAST)

     Of today, when no day is named.

    Args:
        line_item (int):
        day (datetime.date | Unset):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | VideoEvents]
    """

    kwargs = _get_kwargs(
        line_item=line_item,
        day=day,
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
    day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Problem | VideoEvents | None:
    """How far videos of a line item were played (VAST)

     Of today, when no day is named.

    Args:
        line_item (int):
        day (datetime.date | Unset):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | VideoEvents
    """

    return sync_detailed(
        line_item=line_item,
        client=client,
        day=day,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    line_item: int,
    *,
    client: AuthenticatedClient,
    day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[Problem | VideoEvents]:
    """How far videos of a line item were played (VAST)

     Of today, when no day is named.

    Args:
        line_item (int):
        day (datetime.date | Unset):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | VideoEvents]
    """

    kwargs = _get_kwargs(
        line_item=line_item,
        day=day,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    line_item: int,
    *,
    client: AuthenticatedClient,
    day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Problem | VideoEvents | None:
    """How far videos of a line item were played (VAST)

     Of today, when no day is named.

    Args:
        line_item (int):
        day (datetime.date | Unset):
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | VideoEvents
    """

    return (
        await asyncio_detailed(
            line_item=line_item,
            client=client,
            day=day,
            sightline_account=sightline_account,
        )
    ).parsed
