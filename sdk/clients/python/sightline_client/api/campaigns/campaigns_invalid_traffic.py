import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.filtered_answer import FilteredAnswer
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    campaign: int,
    *,
    from_day: datetime.date | Unset = UNSET,
    to_day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(sightline_account, Unset):
        headers["Sightline-Account"] = sightline_account

    params: dict[str, Any] = {}

    json_from_day: str | Unset = UNSET
    if not isinstance(from_day, Unset):
        json_from_day = from_day.isoformat()
    params["from_day"] = json_from_day

    json_to_day: str | Unset = UNSET
    if not isinstance(to_day, Unset):
        json_to_day = to_day.isoformat()
    params["to_day"] = json_to_day

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/campaigns/{campaign}/invalid-traffic".format(
            campaign=quote(str(campaign), safe=""),
        ),
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> FilteredAnswer | Problem | None:
    if response.status_code == 200:
        response_200 = FilteredAnswer.from_dict(response.json())

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
) -> Response[FilteredAnswer | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    campaign: int,
    *,
    client: AuthenticatedClient,
    from_day: datetime.date | Unset = UNSET,
    to_day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[FilteredAnswer | Problem]:
    """What of a campaign's events was invalid

     UTC days, both included, at most 31. What the door refused never became an event, and is not counted
    here.

    Args:
        campaign (int):
        from_day (datetime.date | Unset): default: thirty days before `to_day`
        to_day (datetime.date | Unset): default: today
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FilteredAnswer | Problem]
    """

    kwargs = _get_kwargs(
        campaign=campaign,
        from_day=from_day,
        to_day=to_day,
        sightline_account=sightline_account,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    campaign: int,
    *,
    client: AuthenticatedClient,
    from_day: datetime.date | Unset = UNSET,
    to_day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> FilteredAnswer | Problem | None:
    """What of a campaign's events was invalid

     UTC days, both included, at most 31. What the door refused never became an event, and is not counted
    here.

    Args:
        campaign (int):
        from_day (datetime.date | Unset): default: thirty days before `to_day`
        to_day (datetime.date | Unset): default: today
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FilteredAnswer | Problem
    """

    return sync_detailed(
        campaign=campaign,
        client=client,
        from_day=from_day,
        to_day=to_day,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    campaign: int,
    *,
    client: AuthenticatedClient,
    from_day: datetime.date | Unset = UNSET,
    to_day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[FilteredAnswer | Problem]:
    """What of a campaign's events was invalid

     UTC days, both included, at most 31. What the door refused never became an event, and is not counted
    here.

    Args:
        campaign (int):
        from_day (datetime.date | Unset): default: thirty days before `to_day`
        to_day (datetime.date | Unset): default: today
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[FilteredAnswer | Problem]
    """

    kwargs = _get_kwargs(
        campaign=campaign,
        from_day=from_day,
        to_day=to_day,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    campaign: int,
    *,
    client: AuthenticatedClient,
    from_day: datetime.date | Unset = UNSET,
    to_day: datetime.date | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> FilteredAnswer | Problem | None:
    """What of a campaign's events was invalid

     UTC days, both included, at most 31. What the door refused never became an event, and is not counted
    here.

    Args:
        campaign (int):
        from_day (datetime.date | Unset): default: thirty days before `to_day`
        to_day (datetime.date | Unset): default: today
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        FilteredAnswer | Problem
    """

    return (
        await asyncio_detailed(
            campaign=campaign,
            client=client,
            from_day=from_day,
            to_day=to_day,
            sightline_account=sightline_account,
        )
    ).parsed
