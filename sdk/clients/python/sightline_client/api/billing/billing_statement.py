import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.form import Form
from ...models.problem import Problem
from ...models.side import Side
from ...models.statement_answer import StatementAnswer
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    from_day: datetime.date,
    to_day: datetime.date,
    side: Side | Unset = UNSET,
    format_: Form | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(sightline_account, Unset):
        headers["Sightline-Account"] = sightline_account

    params: dict[str, Any] = {}

    json_from_day = from_day.isoformat()
    params["from_day"] = json_from_day

    json_to_day = to_day.isoformat()
    params["to_day"] = json_to_day

    json_side: str | Unset = UNSET
    if not isinstance(side, Unset):
        json_side = side.value

    params["side"] = json_side

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_.value

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/billing/statement",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | StatementAnswer | None:
    if response.status_code == 200:
        response_200 = StatementAnswer.from_dict(response.json())

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
) -> Response[Problem | StatementAnswer]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    from_day: datetime.date,
    to_day: datetime.date,
    side: Side | Unset = UNSET,
    format_: Form | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[Problem | StatementAnswer]:
    """Everything that moved your money between two days

    Args:
        from_day (datetime.date):
        to_day (datetime.date):
        side (Side | Unset): Where an organisation stands in the market; it may stand on both
            sides.
        format_ (Form | Unset): What a document is answered as.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | StatementAnswer]
    """

    kwargs = _get_kwargs(
        from_day=from_day,
        to_day=to_day,
        side=side,
        format_=format_,
        sightline_account=sightline_account,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    from_day: datetime.date,
    to_day: datetime.date,
    side: Side | Unset = UNSET,
    format_: Form | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Problem | StatementAnswer | None:
    """Everything that moved your money between two days

    Args:
        from_day (datetime.date):
        to_day (datetime.date):
        side (Side | Unset): Where an organisation stands in the market; it may stand on both
            sides.
        format_ (Form | Unset): What a document is answered as.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | StatementAnswer
    """

    return sync_detailed(
        client=client,
        from_day=from_day,
        to_day=to_day,
        side=side,
        format_=format_,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    from_day: datetime.date,
    to_day: datetime.date,
    side: Side | Unset = UNSET,
    format_: Form | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[Problem | StatementAnswer]:
    """Everything that moved your money between two days

    Args:
        from_day (datetime.date):
        to_day (datetime.date):
        side (Side | Unset): Where an organisation stands in the market; it may stand on both
            sides.
        format_ (Form | Unset): What a document is answered as.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | StatementAnswer]
    """

    kwargs = _get_kwargs(
        from_day=from_day,
        to_day=to_day,
        side=side,
        format_=format_,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    from_day: datetime.date,
    to_day: datetime.date,
    side: Side | Unset = UNSET,
    format_: Form | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Problem | StatementAnswer | None:
    """Everything that moved your money between two days

    Args:
        from_day (datetime.date):
        to_day (datetime.date):
        side (Side | Unset): Where an organisation stands in the market; it may stand on both
            sides.
        format_ (Form | Unset): What a document is answered as.
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | StatementAnswer
    """

    return (
        await asyncio_detailed(
            client=client,
            from_day=from_day,
            to_day=to_day,
            side=side,
            format_=format_,
            sightline_account=sightline_account,
        )
    ).parsed
