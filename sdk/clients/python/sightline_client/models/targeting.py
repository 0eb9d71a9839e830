from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.device_class import DeviceClass
from ..models.world_category import WorldCategory
from ..models.world_engine import WorldEngine
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.size_range import SizeRange


T = TypeVar("T", bound="Targeting")


@_attrs_define
class Targeting:
    """An empty list wants everything; several lists must all agree; an exclusion always wins.

    `publishers` are indices, `formats` kinds of placements, `countries` ISO 3166-1 alpha-2, `languages` ISO 639-1.
    What the ad request does not say (country, language, device) is in no list, and may be in any exclusion: a line
    item that names a dimension is shown only where the value is known.

        Attributes:
            categories (list[WorldCategory] | Unset):
            countries (list[str] | Unset):
            devices (list[DeviceClass] | Unset):
            engines (list[WorldEngine] | Unset):
            exclude_categories (list[WorldCategory] | Unset):
            exclude_countries (list[str] | Unset):
            exclude_devices (list[DeviceClass] | Unset):
            exclude_engines (list[WorldEngine] | Unset):
            exclude_languages (list[str] | Unset):
            exclude_placements (list[int] | Unset):
            exclude_publishers (list[int] | Unset):
            exclude_worlds (list[int] | Unset):
            formats (list[str] | Unset):
            languages (list[str] | Unset):
            placements (list[int] | Unset):
            publishers (list[int] | Unset):
            size (SizeRange | Unset): Sizes of surfaces, both ends included: the texture in pixels, the surface in the world
                in millimetres.

                A surface whose physical size is unknown is not in a range of millimetres.
            worlds (list[int] | Unset):
    """

    categories: list[WorldCategory] | Unset = UNSET
    countries: list[str] | Unset = UNSET
    devices: list[DeviceClass] | Unset = UNSET
    engines: list[WorldEngine] | Unset = UNSET
    exclude_categories: list[WorldCategory] | Unset = UNSET
    exclude_countries: list[str] | Unset = UNSET
    exclude_devices: list[DeviceClass] | Unset = UNSET
    exclude_engines: list[WorldEngine] | Unset = UNSET
    exclude_languages: list[str] | Unset = UNSET
    exclude_placements: list[int] | Unset = UNSET
    exclude_publishers: list[int] | Unset = UNSET
    exclude_worlds: list[int] | Unset = UNSET
    formats: list[str] | Unset = UNSET
    languages: list[str] | Unset = UNSET
    placements: list[int] | Unset = UNSET
    publishers: list[int] | Unset = UNSET
    size: SizeRange | Unset = UNSET
    worlds: list[int] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        categories: list[str] | Unset = UNSET
        if not isinstance(self.categories, Unset):
            categories = []
            for categories_item_data in self.categories:
                categories_item = categories_item_data.value
                categories.append(categories_item)

        countries: list[str] | Unset = UNSET
        if not isinstance(self.countries, Unset):
            countries = self.countries

        devices: list[str] | Unset = UNSET
        if not isinstance(self.devices, Unset):
            devices = []
            for devices_item_data in self.devices:
                devices_item = devices_item_data.value
                devices.append(devices_item)

        engines: list[str] | Unset = UNSET
        if not isinstance(self.engines, Unset):
            engines = []
            for engines_item_data in self.engines:
                engines_item = engines_item_data.value
                engines.append(engines_item)

        exclude_categories: list[str] | Unset = UNSET
        if not isinstance(self.exclude_categories, Unset):
            exclude_categories = []
            for exclude_categories_item_data in self.exclude_categories:
                exclude_categories_item = exclude_categories_item_data.value
                exclude_categories.append(exclude_categories_item)

        exclude_countries: list[str] | Unset = UNSET
        if not isinstance(self.exclude_countries, Unset):
            exclude_countries = self.exclude_countries

        exclude_devices: list[str] | Unset = UNSET
        if not isinstance(self.exclude_devices, Unset):
            exclude_devices = []
            for exclude_devices_item_data in self.exclude_devices:
                exclude_devices_item = exclude_devices_item_data.value
                exclude_devices.append(exclude_devices_item)

        exclude_engines: list[str] | Unset = UNSET
        if not isinstance(self.exclude_engines, Unset):
            exclude_engines = []
            for exclude_engines_item_data in self.exclude_engines:
                exclude_engines_item = exclude_engines_item_data.value
                exclude_engines.append(exclude_engines_item)

        exclude_languages: list[str] | Unset = UNSET
        if not isinstance(self.exclude_languages, Unset):
            exclude_languages = self.exclude_languages

        exclude_placements: list[int] | Unset = UNSET
        if not isinstance(self.exclude_placements, Unset):
            exclude_placements = self.exclude_placements

        exclude_publishers: list[int] | Unset = UNSET
        if not isinstance(self.exclude_publishers, Unset):
            exclude_publishers = self.exclude_publishers

        exclude_worlds: list[int] | Unset = UNSET
        if not isinstance(self.exclude_worlds, Unset):
            exclude_worlds = self.exclude_worlds

        formats: list[str] | Unset = UNSET
        if not isinstance(self.formats, Unset):
            formats = self.formats

        languages: list[str] | Unset = UNSET
        if not isinstance(self.languages, Unset):
            languages = self.languages

        placements: list[int] | Unset = UNSET
        if not isinstance(self.placements, Unset):
            placements = self.placements

        publishers: list[int] | Unset = UNSET
        if not isinstance(self.publishers, Unset):
            publishers = self.publishers

        size: dict[str, Any] | Unset = UNSET
        if not isinstance(self.size, Unset):
            size = self.size.to_dict()

        worlds: list[int] | Unset = UNSET
        if not isinstance(self.worlds, Unset):
            worlds = self.worlds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if categories is not UNSET:
            field_dict["categories"] = categories
        if countries is not UNSET:
            field_dict["countries"] = countries
        if devices is not UNSET:
            field_dict["devices"] = devices
        if engines is not UNSET:
            field_dict["engines"] = engines
        if exclude_categories is not UNSET:
            field_dict["exclude_categories"] = exclude_categories
        if exclude_countries is not UNSET:
            field_dict["exclude_countries"] = exclude_countries
        if exclude_devices is not UNSET:
            field_dict["exclude_devices"] = exclude_devices
        if exclude_engines is not UNSET:
            field_dict["exclude_engines"] = exclude_engines
        if exclude_languages is not UNSET:
            field_dict["exclude_languages"] = exclude_languages
        if exclude_placements is not UNSET:
            field_dict["exclude_placements"] = exclude_placements
        if exclude_publishers is not UNSET:
            field_dict["exclude_publishers"] = exclude_publishers
        if exclude_worlds is not UNSET:
            field_dict["exclude_worlds"] = exclude_worlds
        if formats is not UNSET:
            field_dict["formats"] = formats
        if languages is not UNSET:
            field_dict["languages"] = languages
        if placements is not UNSET:
            field_dict["placements"] = placements
        if publishers is not UNSET:
            field_dict["publishers"] = publishers
        if size is not UNSET:
            field_dict["size"] = size
        if worlds is not UNSET:
            field_dict["worlds"] = worlds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.size_range import SizeRange  # noqa: PLC0415

        d = dict(src_dict)
        _categories = d.pop("categories", UNSET)
        categories: list[WorldCategory] | Unset = UNSET
        if _categories is not UNSET:
            categories = []
            for categories_item_data in _categories:
                categories_item = WorldCategory(categories_item_data)

                categories.append(categories_item)

        countries = cast(list[str], d.pop("countries", UNSET))

        _devices = d.pop("devices", UNSET)
        devices: list[DeviceClass] | Unset = UNSET
        if _devices is not UNSET:
            devices = []
            for devices_item_data in _devices:
                devices_item = DeviceClass(devices_item_data)

                devices.append(devices_item)

        _engines = d.pop("engines", UNSET)
        engines: list[WorldEngine] | Unset = UNSET
        if _engines is not UNSET:
            engines = []
            for engines_item_data in _engines:
                engines_item = WorldEngine(engines_item_data)

                engines.append(engines_item)

        _exclude_categories = d.pop("exclude_categories", UNSET)
        exclude_categories: list[WorldCategory] | Unset = UNSET
        if _exclude_categories is not UNSET:
            exclude_categories = []
            for exclude_categories_item_data in _exclude_categories:
                exclude_categories_item = WorldCategory(exclude_categories_item_data)

                exclude_categories.append(exclude_categories_item)

        exclude_countries = cast(list[str], d.pop("exclude_countries", UNSET))

        _exclude_devices = d.pop("exclude_devices", UNSET)
        exclude_devices: list[DeviceClass] | Unset = UNSET
        if _exclude_devices is not UNSET:
            exclude_devices = []
            for exclude_devices_item_data in _exclude_devices:
                exclude_devices_item = DeviceClass(exclude_devices_item_data)

                exclude_devices.append(exclude_devices_item)

        _exclude_engines = d.pop("exclude_engines", UNSET)
        exclude_engines: list[WorldEngine] | Unset = UNSET
        if _exclude_engines is not UNSET:
            exclude_engines = []
            for exclude_engines_item_data in _exclude_engines:
                exclude_engines_item = WorldEngine(exclude_engines_item_data)

                exclude_engines.append(exclude_engines_item)

        exclude_languages = cast(list[str], d.pop("exclude_languages", UNSET))

        exclude_placements = cast(list[int], d.pop("exclude_placements", UNSET))

        exclude_publishers = cast(list[int], d.pop("exclude_publishers", UNSET))

        exclude_worlds = cast(list[int], d.pop("exclude_worlds", UNSET))

        formats = cast(list[str], d.pop("formats", UNSET))

        languages = cast(list[str], d.pop("languages", UNSET))

        placements = cast(list[int], d.pop("placements", UNSET))

        publishers = cast(list[int], d.pop("publishers", UNSET))

        _size = d.pop("size", UNSET)
        size: SizeRange | Unset
        if isinstance(_size, Unset):
            size = UNSET
        else:
            size = SizeRange.from_dict(_size)

        worlds = cast(list[int], d.pop("worlds", UNSET))

        targeting = cls(
            categories=categories,
            countries=countries,
            devices=devices,
            engines=engines,
            exclude_categories=exclude_categories,
            exclude_countries=exclude_countries,
            exclude_devices=exclude_devices,
            exclude_engines=exclude_engines,
            exclude_languages=exclude_languages,
            exclude_placements=exclude_placements,
            exclude_publishers=exclude_publishers,
            exclude_worlds=exclude_worlds,
            formats=formats,
            languages=languages,
            placements=placements,
            publishers=publishers,
            size=size,
            worlds=worlds,
        )

        targeting.additional_properties = d
        return targeting

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
