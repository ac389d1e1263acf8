"""What a Butler repository must know before these pipelines can run in it."""

from importlib.resources import files

from lsst.daf.butler import Config, DatasetType, DimensionUniverse

__all__ = ["butler_config", "input_dataset_types"]


def butler_config() -> Config:
    """Make the configuration to give to ``Butler.makeRepo(..., config=)``.

    The storage classes and formatters in it are kept in the repository's
    ``butler.yaml``. Merge what else the repository needs into the result.
    """
    return Config.fromYaml((files("prompt_pipelines") / "butler.yaml").read_text(encoding="utf-8"))


def input_dataset_types(universe: DimensionUniverse) -> dict[str, DatasetType]:
    """Make the dataset types of what the pipelines read and do not write, by name.

    Parameters
    ----------
    universe
        ``butler.dimensions``.
    """
    types = [
        DatasetType("raw", ("instrument", "exposure", "detector"), "RawFrame", universe=universe),
        DatasetType("camera", ("instrument",), "StructuredDataDict", universe=universe, isCalibration=True),
        *(
            DatasetType(name, ("instrument", "detector"), kind, universe=universe, isCalibration=True)
            for name, kind in (
                ("bias", "ImageV2"),
                ("dark", "MaskedImageV2"),
                ("defects", "StructuredDataDict"),
                ("linearity", "StructuredDataDict"),
                ("crosstalk", "StructuredDataDict"),
            )
        ),
        DatasetType(
            "flat",
            ("instrument", "detector", "physical_filter"),
            "ImageV2",
            universe=universe,
            isCalibration=True,
        ),
        DatasetType("reference_catalogue", ("htm7",), "ArrowAstropy", universe=universe),
        DatasetType(
            "template_coadd", ("skymap", "tract", "patch", "band"), "MaskedImageV2", universe=universe
        ),
        DatasetType(
            "regionTimeInfo", ("instrument", "group", "detector"), "RegionTimeInfo", universe=universe
        ),
    ]
    return {dataset_type.name: dataset_type for dataset_type in types}
