from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.line_item_answer import LineItemAnswer
from ...models.line_item_body import LineItemBody
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    campaign: int,
    *,
    body: LineItemBody,
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
        "url": "/v1/campaigns/{campaign}/line-items".format(
            campaign=quote(str(campaign), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> LineItemAnswer | Problem | None:
    if response.status_code == 201:
        response_201 = LineItemAnswer.from_dict(response.json())

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
) -> Response[LineItemAnswer | Problem]:
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
    body: LineItemBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[LineItemAnswer | Problem]:
    """Add a line item

    Args:
        campaign (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (LineItemBody): The bid is given per event (`bid_micro_usdc`) or, for vcpm, per
            thousand (`bid_vcpm_micro_usdc`).

            The bid of a `sponsorship` is the price of one hour of the one placement in
            `targeting.placements`; it starts and
            ends on whole hours and has no caps and no other targeting. `pacing` spreads caps over
            their time: `even` as traffic
            comes, `front_loaded` half as fast again at first, `asap` not at all. `recency_minutes` is
            the least time between
            two ads to one viewer within a UTC day; like a frequency cap it needs viewers who may be
            counted.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[LineItemAnswer | Problem]
    """

    kwargs = _get_kwargs(
        campaign=campaign,
        body=body,
        idempotency_key=idempotency_key,
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
    body: LineItemBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> LineItemAnswer | Problem | None:
    """Add a line item

    Args:
        campaign (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (LineItemBody): The bid is given per event (`bid_micro_usdc`) or, for vcpm, per
            thousand (`bid_vcpm_micro_usdc`).

            The bid of a `sponsorship` is the price of one hour of the one placement in
            `targeting.placements`; it starts and
            ends on whole hours and has no caps and no other targeting. `pacing` spreads caps over
            their time: `even` as traffic
            comes, `front_loaded` half as fast again at first, `asap` not at all. `recency_minutes` is
            the least time between
            two ads to one viewer within a UTC day; like a frequency cap it needs viewers who may be
            counted.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        LineItemAnswer | Problem
    """

    return sync_detailed(
        campaign=campaign,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
        sightline_account=sightline_account,
    ).parsed


async def asyncio_detailed(
    campaign: int,
    *,
    client: AuthenticatedClient,
    body: LineItemBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> Response[LineItemAnswer | Problem]:
    """Add a line item

    Args:
        campaign (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (LineItemBody): The bid is given per event (`bid_micro_usdc`) or, for vcpm, per
            thousand (`bid_vcpm_micro_usdc`).

            The bid of a `sponsorship` is the price of one hour of the one placement in
            `targeting.placements`; it starts and
            ends on whole hours and has no caps and no other targeting. `pacing` spreads caps over
            their time: `even` as traffic
            comes, `front_loaded` half as fast again at first, `asap` not at all. `recency_minutes` is
            the least time between
            two ads to one viewer within a UTC day; like a frequency cap it needs viewers who may be
            counted.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[LineItemAnswer | Problem]
    """

    kwargs = _get_kwargs(
        campaign=campaign,
        body=body,
        idempotency_key=idempotency_key,
        sightline_account=sightline_account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    campaign: int,
    *,
    client: AuthenticatedClient,
    body: LineItemBody,
    idempotency_key: str | Unset = UNSET,
    sightline_account: str | Unset = UNSET,
) -> LineItemAnswer | Problem | None:
    """Add a line item

    Args:
        campaign (int):
        idempotency_key (str | Unset): the same key with the same body answers the same and
            creates nothing; with another body: 409
        sightline_account (str | Unset): wallet of the organisation to act for; one's own account
            when it is left out
        body (LineItemBody): The bid is given per event (`bid_micro_usdc`) or, for vcpm, per
            thousand (`bid_vcpm_micro_usdc`).

            The bid of a `sponsorship` is the price of one hour of the one placement in
            `targeting.placements`; it starts and
            ends on whole hours and has no caps and no other targeting. `pacing` spreads caps over
            their time: `even` as traffic
            comes, `front_loaded` half as fast again at first, `asap` not at all. `recency_minutes` is
            the least time between
            two ads to one viewer within a UTC day; like a frequency cap it needs viewers who may be
            counted.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        LineItemAnswer | Problem
    """

    return (
        await asyncio_detailed(
            campaign=campaign,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
            sightline_account=sightline_account,
        )
    ).parsed
